/**
 * Who this node is to the backend, remembered across restarts.
 *
 * @module
 */
import { chmod } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ConfigError, messageOf, quoted } from "../errors.ts";
import type { Logger } from "../log.ts";
import { identifierProblem } from "../protocol/identifiers.ts";
import { replacePrivateFile } from "../state/private_file.ts";
import { makePrivateFolder } from "../state/private_folder.ts";
import { parseState, readStateFile, requireFile, setAside } from "../state/state_file.ts";
import type { Clock } from "../time.ts";

/** A registered node, as the backend knows it. */
export interface Identity {
  /** What identifies the instance. */
  uuid: string;
  /** The instance's name for people. */
  slug: string;
  /** The workspace it belongs to, if one was configured. */
  workspaceSlug: string | null;
  /** When the backend gave this identity, in ISO 8601. */
  registeredAt: string;
}

const FILE_NAME = "instance_identity.json";

/** Keeps the identity in a file of the state folder that only its owner can read. */
export class IdentityStore {
  /** The file's path. */
  readonly path: string;
  readonly #clock: Clock;
  readonly #logger: Logger;

  /** Does not touch `stateFolder` yet. */
  constructor(stateFolder: string, parts: { clock: Clock; logger: Logger }) {
    this.path = join(stateFolder, FILE_NAME);
    this.#clock = parts.clock;
    this.#logger = parts.logger;
  }

  /**
   * The stored identity, if there is a usable one. A file that is not usable is set aside.
   *
   * @throws {ConfigError} for a link, which is not followed
   */
  async read(): Promise<Identity | undefined> {
    requireFile(this.path, { clock: this.#clock, logger: this.#logger });
    try {
      const identity = await this.peek();
      if (identity !== undefined) await this.#makePrivate();
      return identity;
    } catch (error) {
      // A link may lead to a file that is none of the node's.
      if (error instanceof ConfigError) throw error;
      const problem = `the stored identity is not usable: ${messageOf(error)}`;
      setAside(this.path, problem, { clock: this.#clock, logger: this.#logger });
      return undefined;
    }
  }

  /** The stored identity, if there is one. Changes nothing; throws for a file that is not usable. */
  peek(): Promise<Identity | undefined> {
    return Promise.try(() => {
      const text = readStateFile(this.path);
      return text === undefined ? undefined : parseIdentity(text);
    });
  }

  /** Stores `identity`: once this resolves it is on disk, and no crash leaves half of it. */
  async write(identity: Identity): Promise<void> {
    makePrivateFolder(dirname(this.path));
    try {
      await replacePrivateFile(this.path, formatIdentity(identity));
    } catch (error) {
      throw new Error(`Cannot store the identity in ${quoted(this.path)}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  async #makePrivate(): Promise<void> {
    try {
      await chmod(this.path, 0o600);
    } catch (error) {
      this.#logger.warn(`Cannot keep others out of ${quoted(this.path)}: ${messageOf(error)}`);
    }
  }
}

/** The identity in the file's text. Throws what is wrong with it. */
function parseIdentity(text: string): Identity {
  const { uuid, slug, workspace_slug, registered_at } = parseState(text);
  for (const [key, value] of Object.entries({ uuid, slug })) {
    const problem = identifierProblem(value);
    if (problem !== undefined) throw new Error(`${key} ${problem}`);
  }
  return {
    uuid: uuid as string,
    slug: slug as string,
    workspaceSlug: typeof workspace_slug === "string" ? workspace_slug : null,
    registeredAt: typeof registered_at === "string" ? registered_at : "",
  };
}

function formatIdentity(identity: Identity): string {
  const file = {
    uuid: identity.uuid,
    slug: identity.slug,
    workspace_slug: identity.workspaceSlug,
    registered_at: identity.registeredAt,
  };
  return JSON.stringify(file, null, 2) + "\n";
}

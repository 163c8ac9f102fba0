/**
 * Who this node is to the backend, remembered across restarts.
 *
 * @module
 */
import { chmod, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ConfigError, messageOf, quoted } from "../errors.ts";
import type { Logger } from "../log.ts";
import { OS } from "../os/current.ts";
import { identifierProblem } from "../protocol/identifiers.ts";
import { makePrivateFolder } from "../state/private_folder.ts";
import { readStateFile } from "../state/state_file.ts";
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
   * The stored identity, if there is a usable one. A file that is not is set aside.
   *
   * @throws {ConfigError} if a link stands in its place.
   */
  async read(): Promise<Identity | undefined> {
    try {
      const identity = await this.peek();
      if (identity !== undefined) await this.#makePrivate();
      return identity;
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      await this.#setAside(messageOf(error));
      return undefined;
    }
  }

  /** The stored identity, if there is one. Changes nothing; throws for a file that is not usable. */
  // deno-lint-ignore require-await
  async peek(): Promise<Identity | undefined> {
    const text = readStateFile(this.path);
    return text === undefined ? undefined : parseIdentity(text);
  }

  /** Stores `identity`: once this resolves it is on disk, and no crash leaves half of it. */
  async write(identity: Identity): Promise<void> {
    makePrivateFolder(dirname(this.path));
    try {
      await replaceFile(this.path, formatIdentity(identity));
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

  async #setAside(problem: string): Promise<void> {
    const date = new Date(this.#clock.now()).toISOString().replaceAll(":", "-");
    const aside = this.path.replace(/\.json$/, `.${date}.json`);
    const found = `The stored identity ${quoted(this.path)} is not usable (${problem})`;
    try {
      await rename(this.path, aside);
      this.#logger.warn(`${found}: set aside as ${quoted(aside)}`);
    } catch (error) {
      this.#logger.warn(`${found}, and cannot be set aside: ${messageOf(error)}`);
    }
  }
}

/** The identity in the file's text. Throws what is wrong with it. */
function parseIdentity(text: string): Identity {
  const json: unknown = JSON.parse(text);
  if (typeof json !== "object" || json === null) throw new Error("it is not a JSON object");
  const { uuid, slug, workspace_slug, registered_at } = json as Record<string, unknown>;
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

async function replaceFile(path: string, text: string): Promise<void> {
  // Exclusive and with a name nobody can guess, so that no link planted here is followed.
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  const file = await open(temporary, "wx", 0o600);
  try {
    try {
      await file.chmod(0o600); // Whatever the umask took away.
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Makes a rename in `folder` survive a power cut. */
async function syncFolder(folder: string): Promise<void> {
  if (!OS.syncsFolders) return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Which tokens the backend has accepted from a state folder. Stored are keyed hashes, from which no
 * token can be recovered, since tokens are long and random.
 *
 * @module
 */
import { createHmac, randomBytes } from "node:crypto";
import { join } from "node:path";
import { messageOf } from "../errors.ts";
import { replacePrivateFile } from "../state/private_file.ts";
import {
  parseState,
  readStateFile,
  requireFile,
  setAside,
  type StateFileParts,
} from "../state/state_file.ts";

const FILE_NAME = "accepted_tokens.json";

/** How many hashes are kept: a token that was replaced so often does not come back. */
const MAX_HASHES = 8;

/** What the file holds. */
interface Hashes {
  readonly key: string;
  /** The latest first. */
  readonly hashes: readonly string[];
}

/** Remembers accepted tokens in a file of the state folder. */
export class AcceptedTokens {
  readonly #path: string;
  readonly #isRegistered: () => Promise<boolean>;
  readonly #parts: StateFileParts;

  /**
   * `isRegistered`: whether a node was registered from this state folder. Then its token was
   * accepted, even if no hash is stored.
   *
   * @throws {ConfigError} if a link stands in the place of the file.
   */
  constructor(
    stateFolder: string,
    isRegistered: () => Promise<boolean>,
    parts: StateFileParts,
  ) {
    this.#path = join(stateFolder, FILE_NAME);
    this.#isRegistered = isRegistered;
    this.#parts = parts;
    requireFile(this.#path, parts);
  }

  /** Whether `token` was ever accepted. */
  async has(token: string): Promise<boolean> {
    const stored = this.#read();
    if (stored === undefined) return await this.#isRegistered();
    return stored.hashes.includes(hashOf(token, stored.key));
  }

  /** Remembers that `token` was accepted: durably, once this resolves. */
  async add(token: string): Promise<void> {
    const { key, hashes } = this.#read() ?? { key: randomBytes(32).toString("hex"), hashes: [] };
    const hash = hashOf(token, key);
    if (hashes[0] === hash) return;
    const kept = [hash, ...hashes.filter((other) => other !== hash)].slice(0, MAX_HASHES);
    await replacePrivateFile(this.#path, `${JSON.stringify({ key, hashes: kept })}\n`);
  }

  /** The stored hashes; `undefined`: there are none. A damaged file is set aside. */
  #read(): Hashes | undefined {
    try {
      const text = readStateFile(this.#path);
      return text === undefined ? undefined : parseHashes(text);
    } catch (error) {
      const problem = `${messageOf(error)}; which tokens were accepted is no longer known`;
      setAside(this.#path, problem, this.#parts);
      return undefined;
    }
  }
}

/** Parses the file's text. Throws if it is damaged. */
function parseHashes(text: string): Hashes {
  const { key, hashes } = parseState(text);
  const isUsable = typeof key === "string" && /^[0-9a-f]{64}$/.test(key) &&
    Array.isArray(hashes) && hashes.every((hash) => typeof hash === "string");
  if (!isUsable) throw new Error("it holds no tokens");
  return { key, hashes };
}

function hashOf(token: string, key: string): string {
  return createHmac("sha256", key).update(token).digest("hex");
}

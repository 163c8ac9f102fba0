/**
 * The API token in use: read again when it is refused, because somebody may have replaced it.
 *
 * @module
 */
import type { FoundToken } from "../config/load.ts";
import { AuthenticationError, BackendError, messageOf } from "../errors.ts";
import { addSecret, type Logger } from "../log.ts";
import { type TokenRetryParts, whileRefused } from "./retry.ts";

/** The places where settings come from. */
export interface TokenSource {
  /** The token that a node would start with now; `undefined` when there is none. */
  read(): Promise<FoundToken | undefined>;
}

/** Remembers which tokens were accepted. */
interface TokenMemory {
  /** Whether the token was ever accepted. */
  has(token: string): Promise<boolean>;
  /** Remembers that the token was accepted. */
  add(token: string): Promise<void>;
}

/** What a token is managed with. */
interface TokenParts {
  /** Where to look for another one. Default: there is only the first. */
  readonly source?: TokenSource;
  /** Which tokens the backend has accepted from this state folder. */
  readonly memory: TokenMemory;
  /** Where changes are reported. */
  readonly logger: Logger;
}

/**
 * What a refused token means: `changed` when there is another one now, `wait` when the backend has
 * accepted it before, so that the refusal may be the backend's fault, `final` otherwise.
 */
type Refusal = "changed" | "wait" | "final";

/** The token that a node uses now. */
export class ApiToken {
  readonly #parts: TokenParts;
  #found: { readonly token: string; readonly source?: string };
  #accepted: string | undefined;
  #lookingAgain: Promise<void> | undefined;

  /** Starts with a token that was found already. */
  constructor(first: { token: string; source?: string }, parts: TokenParts) {
    this.#found = first;
    this.#parts = parts;
    addSecret(first.token);
  }

  /** The token. */
  get value(): string {
    return this.#found.token;
  }

  /** Where it came from. */
  get source(): string | undefined {
    return this.#found.source;
  }

  /** Records that the backend accepted `token`. */
  async accepted(token: string): Promise<void> {
    if (this.#accepted === token) return;
    this.#accepted = token;
    try {
      await this.#parts.memory.add(token);
    } catch (error) {
      this.#parts.logger.warn(`Cannot remember that the token was accepted: ${messageOf(error)}`);
    }
  }

  /** Records that `token` was refused, and looks for another one. Resolves with what that means. */
  async refused(token: string): Promise<Refusal> {
    if (token !== this.value) return "changed";
    await (this.#lookingAgain ??= this.#lookAgain());
    if (token !== this.value) return "changed";
    // A node that was accepted goes on, whatever token it is given while it runs.
    const wasAccepted = this.#accepted !== undefined || await this.#parts.memory.has(token);
    return wasAccepted ? "wait" : "final";
  }

  async #lookAgain(): Promise<void> {
    const { source, logger } = this.#parts;
    try {
      const found = await source?.read();
      if (found === undefined || found.token === this.value) return;
      addSecret(found.token);
      this.#found = found;
      logger.info(`Using another API token, which is now in ${found.source}`);
    } catch (error) {
      logger.warn(`Cannot read the API token again: ${messageOf(error)}`);
    } finally {
      this.#lookingAgain = undefined;
    }
  }
}

/** The call of the check. */
interface TokenApi {
  /** Makes sure that the token is not refused, as far as the answer shows. */
  checkToken(signal?: AbortSignal): Promise<"accepted" | "unknown">;
}

/**
 * Throws an `AuthenticationError` when the backend refuses a token that it never accepted before; one
 * that it did is retried until it is accepted again. A backend that cannot be asked does not keep the node
 * from starting.
 */
export async function checkToken(
  api: TokenApi,
  parts: TokenRetryParts,
  signal?: AbortSignal,
): Promise<void> {
  try {
    await whileRefused("check the API token", () => api.checkToken(signal), parts, signal);
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    parts.logger.warn(`Cannot check the API token now: ${error.message}`);
  }
}

/** The error of a node without a token: how to give it one, best way first. */
export function missingTokenError(): AuthenticationError {
  return new AuthenticationError("There is no API token", {
    hint: "Give one in any of these ways: the environment variable CYBERWAVE_API_TOKEN; " +
      "a line CYBERWAVE_API_TOKEN=... in .env in the current folder (with --config, in that " +
      'file\'s folder); the same line in ~/.cyberwave/.env; or "cyberwave-cli login", which ' +
      "writes ~/.cyberwave/credentials.json",
  });
}

/**
 * Whether there is an API token, and whether the backend accepts it.
 *
 * @module
 */
import { AuthenticationError, BackendError } from "../errors.ts";
import type { Logger } from "../log.ts";

/** What the check asks of the backend. */
export interface TokenApi {
  /** Makes sure that the backend accepts the token. */
  checkToken(signal?: AbortSignal): Promise<void>;
}

/**
 * Throws an `AuthenticationError` when the backend rejects the token. A backend that cannot tell
 * is no reason not to start.
 */
export async function checkToken(
  api: TokenApi,
  logger: Logger,
  signal?: AbortSignal,
): Promise<void> {
  try {
    await api.checkToken(signal);
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    logger.warn(`Cannot check the API token now: ${error.message}`);
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

/**
 * One HTTP call to the backend: JSON out, JSON in. Whatever goes wrong becomes a typed error that
 * says which call it was and why, and never holds the token.
 *
 * @module
 */
import { AuthenticationError, BackendError, messageOf, quoted } from "../errors.ts";
import { addSecret } from "../log.ts";
import { untracedFetch } from "../os/untraced_fetch.ts";
import { systemClock } from "../time.ts";
import { Answer, tokenName } from "./answer.ts";
import { retryAfterMs } from "../protocol/retry_after.ts";

/** How to reach the backend. */
interface HttpOptions {
  /** Where the API is. A path is kept; a user name, password, query and fragment are not. */
  apiUrl: string;
  /** The API token. Read for each call, so that a getter may give another one later. */
  readonly token: string;
  /** Where the token came from, as said in errors about it. Read as the token is. */
  readonly tokenSource?: string;
  /** How long one call may take, its answer included, in milliseconds. Default: 30,000. */
  timeoutMs?: number;
}

/** Makes calls to the backend, with the token. */
export class HttpApi {
  readonly #base: string;
  readonly #options: HttpOptions;
  readonly #timeoutMs: number;

  /** Throws an {@linkcode AuthenticationError} for a token that no HTTP header can carry. */
  constructor(options: HttpOptions) {
    const { origin, pathname } = new URL(options.apiUrl);
    this.#base = origin + pathname.replace(/\/+$/, "");
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    this.#headers();
    addSecret(options.token);
  }

  /** Gets `path`, which may hold a query. */
  get(path: string, signal?: AbortSignal): Promise<Answer> {
    return this.#exchange(path, { method: "GET", headers: this.#headers() }, signal);
  }

  /** Posts `body` to `path`, which may hold a query. */
  post(path: string, body: unknown, signal?: AbortSignal): Promise<Answer> {
    const headers = this.#headers();
    headers.set("Content-Type", "application/json");
    return this.#exchange(path, { method: "POST", headers, body: JSON.stringify(body) }, signal);
  }

  async #exchange(
    path: string,
    request: RequestInit & { method: string },
    signal?: AbortSignal,
  ): Promise<Answer> {
    const url = this.#base + path;
    const name = tokenName(this.#options.tokenSource);
    const call = `${request.method} ${url.replace(/\?.*/, "")}`;
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    const ends = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
    try {
      // Redirects are not followed: they could take the token to another server.
      const response = await untracedFetch(url, { ...request, redirect: "manual", signal: ends });
      const { status, headers } = response;
      const text = await boundedText(response, call);
      const wait = retryAfterMs(headers.get("Retry-After"), systemClock.now());
      const answer = new Answer(call, status, text, wait);
      answer.refuseRejection(name);
      refuseRedirect(answer, headers.get("Location"));
      return answer;
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (error instanceof BackendError || error instanceof AuthenticationError) throw error;
      const why = timeout.aborted ? `timed out after ${this.#timeoutMs / 1000} s` : reasonOf(error);
      throw new BackendError(`${call} got no answer: ${why}`, { cause: error });
    }
  }

  #headers(): Headers {
    const { token, tokenSource } = this.#options;
    return headersWith(token, tokenName(tokenSource));
  }
}

function headersWith(token: string, tokenName: string): Headers {
  // Checked here, because the platform's own error for a bad header shows the header.
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new AuthenticationError(`The ${tokenName} holds characters that no token has`, {
      hint: "Set it again, without line breaks, spaces or accents",
    });
  }
  return new Headers({ Authorization: `Token ${token}`, Accept: "application/json" });
}

function refuseRedirect({ call, status }: Answer, location: string | null): void {
  if (status < 300 || status >= 400) return;
  throw new BackendError(`${call} answered ${status}, a redirect to ${quoted(location)}`, {
    status,
    hint: "Redirects are not followed: set CYBERWAVE_API_URL to where the API really is",
  });
}

const MAX_ANSWER_BYTES = 1024 * 1024;

async function boundedText(response: Response, call: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  // Leaving the loop early cancels the body, which frees its connection.
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_ANSWER_BYTES) {
      throw new BackendError(`${call} answered ${response.status} with more than 1 MiB`, {
        status: response.status,
      });
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Why there was no answer: the innermost reason, such as `dns error: ...`. */
export function reasonOf(error: unknown): string {
  const message = messageOf(error instanceof Error ? error.cause ?? error : error);
  return message.match(/client error \(\w+\): (.*)/s)?.[1] ?? message;
}

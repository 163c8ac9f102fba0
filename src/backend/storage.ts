/**
 * Sending bytes to where a signed URL says. Whoever has the URL may write there, so nothing here
 * repeats more of it than its origin and path.
 *
 * @module
 */
import { BackendError, messageOf } from "../errors.ts";
import { untracedFetch } from "../os/untraced_fetch.ts";
import { systemClock } from "../time.ts";
import { retryAfterMs } from "../protocol/retry_after.ts";

/** Bytes of which the number is known, read while they are sent. */
export interface Payload {
  /** How many there are. */
  readonly size: number;
  /** Reads them from the start. */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** What a storage server answered. */
export interface StorageAnswer {
  /** The HTTP status: never a redirect. */
  readonly status: number;
  /** The server's own name for what is wrong, such as `AccessDenied`. */
  readonly code: string | undefined;
  /** How long the server asks to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;
}

const MAX_REDIRECTS = 5;
/** Those that say "the same again, over there". The others would make a `PUT` a `GET`. */
const REDIRECTS = [307, 308];
const MAX_ANSWER_BYTES = 4096;

/**
 * Puts `payload` to `signedUrl`, with its `Content-Length`. There is no time limit but the signal.
 *
 * @throws {BackendError} if there is no answer, or one that leads nowhere.
 */
export async function putPayload(
  signedUrl: string,
  payload: Payload,
  signal: AbortSignal,
): Promise<StorageAnswer> {
  let url = httpUrl(signedUrl);
  for (let redirects = 0;; redirects++) {
    const response = await put(url, payload, signal);
    const { status, headers } = response;
    const text = await beginningOf(response, url, signal);
    if (status < 300 || status >= 400) {
      const [, code] = /<Code>([\w.-]{1,64})<\/Code>/.exec(text) ?? [];
      return {
        status,
        code,
        retryAfterMs: retryAfterMs(headers.get("Retry-After"), systemClock.now()),
      };
    }
    if (!REDIRECTS.includes(status) || redirects === MAX_REDIRECTS) {
      throw new BackendError(`PUT ${shown(url)} answered ${status}, a redirect`, { status });
    }
    url = redirected(url, headers.get("Location"), status);
  }
}

/**
 * A blob that is read while it is sent. `fetch` sends a stream in chunks of which nobody knows the
 * number beforehand, which storage servers refuse; of a blob it asks the size.
 */
class PayloadBlob extends Blob {
  readonly #payload: Payload;

  constructor(payload: Payload) {
    super([], { type: "application/octet-stream" });
    this.#payload = payload;
  }

  override get size(): number {
    return this.#payload.size;
  }

  override stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#payload.stream();
  }
}

async function put(url: URL, payload: Payload, signal: AbortSignal): Promise<Response> {
  // An empty stream would go in chunks again.
  const body = payload.size === 0 ? new Uint8Array() : new PayloadBlob(payload);
  const headers = { "Content-Type": "application/octet-stream" };
  try {
    return await untracedFetch(url, { method: "PUT", body, headers, redirect: "manual", signal });
  } catch (error) {
    throw noAnswer(url, error, signal);
  }
}

/** The first bytes of an answer; the rest is dropped, which frees the connection. */
async function beginningOf(response: Response, url: URL, signal: AbortSignal): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length > MAX_ANSWER_BYTES) break;
    }
    return text;
  } catch (error) {
    throw noAnswer(url, error, signal);
  }
}

function noAnswer(url: URL, error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  const message = messageOf(error instanceof Error ? error.cause ?? error : error);
  const reason = message.match(/client error \(\w+\): (.*)/s)?.[1] ?? message;
  return new BackendError(
    `PUT ${shown(url)} got no answer: ${reason.replaceAll(url.href, shown(url))}`,
  );
}

function redirected(from: URL, location: string | null, status: number): URL {
  const to = location === null ? null : URL.parse(location, from);
  const kept = to?.protocol === from.protocol || to?.protocol === "https:";
  if (to !== null && kept) return to;
  throw new BackendError(
    `PUT ${shown(from)} answered ${status}, a redirect to ${to ? `${to.protocol}//` : "nowhere"}`,
    { status },
  );
}

function httpUrl(text: string): URL {
  const url = URL.parse(text);
  if (url !== null && /^https?:$/.test(url.protocol)) return url;
  throw new BackendError("The backend gave a signed URL that is not http:// or https://", {
    status: 400,
  });
}

/** A URL without its query, which is what makes it a credential. */
function shown(url: URL): string {
  return url.origin + url.pathname;
}

/**
 * The body of a request.
 *
 * @module
 */
import type { HttpServerRequest } from "./exchange_over_http.ts";

/** The most that is read of any body but a command. */
const MAX_BYTES = 64 * 1024;

/** A body that cannot be used, and the status to answer with. */
export class BodyError extends Error {
  /** Makes one. */
  constructor(
    readonly status: 400 | 413,
    readonly code: "invalid_request" | "too_large",
    message: string,
  ) {
    super(message);
  }
}

/**
 * Reads a body, up to a limit.
 *
 * @throws {BodyError} if it is too large
 */
export async function readBody(
  { body }: Pick<HttpServerRequest, "body">,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const piece of body) {
    size += piece.length;
    if (size > maxBytes) {
      throw new BodyError(413, "too_large", `The body is larger than ${maxBytes} bytes`);
    }
    pieces.push(new Uint8Array(piece));
  }
  return await new Blob(pieces).bytes();
}

/**
 * Reads a body as JSON; `undefined` when it is empty.
 *
 * @throws {BodyError} if it is too large or not JSON
 */
export async function readJsonBody(
  request: Pick<HttpServerRequest, "body">,
): Promise<unknown> {
  const bytes = await readBody(request, MAX_BYTES);
  if (bytes.length === 0) return undefined;
  const text = new TextDecoder().decode(bytes);
  try {
    return JSON.parse(text);
  } catch {
    throw new BodyError(400, "invalid_request", "The body is not JSON");
  }
}

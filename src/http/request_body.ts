/**
 * The body of a request.
 *
 * @module
 */

/** Nobody has to send more than this. */
const MAX_BYTES = 64 * 1024;

/** A body that cannot be used, and with which status that is answered. */
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
 * Reads a body as JSON, no more of it than may be; `undefined` when it is empty.
 *
 * @throws {BodyError} if it is too large or no JSON
 */
export async function readJsonBody({ body }: Request): Promise<unknown> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body ?? []) {
    size += piece.length;
    if (size > MAX_BYTES) {
      throw new BodyError(413, "too_large", `A body has at most ${MAX_BYTES} bytes`);
    }
    pieces.push(piece);
  }
  if (size === 0) return undefined;
  const text = new TextDecoder().decode(await new Blob(pieces as BlobPart[]).arrayBuffer());
  try {
    return JSON.parse(text);
  } catch {
    throw new BodyError(400, "invalid_request", "The body is no JSON");
  }
}

/**
 * Where result files go: signed URLs, and what was put there. Of a file only size and hash are
 * kept, whatever its size.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { accepted, refusal } from "./json_answers.ts";

/** A file that was put at a signed URL. */
export interface StoredFile {
  /** How many bytes it has. */
  readonly size: number;
  /** Its SHA-256, in hexadecimal. */
  readonly sha256: string;
}

/** Below it are the signed URLs. */
export const ATTACHMENTS = "/attachments/";

/** Signed URLs and what is behind them. */
export class Attachments {
  /** What was put where, by signed URL; `undefined` where nothing was put yet. */
  readonly #files = new Map<string, StoredFile | undefined>();

  /** A new URL below `origin` at which a file of a workload can be put. */
  sign(origin: string, workloadUuid: string, filename: string): string {
    const path = [workloadUuid, filename].map(encodeURIComponent).join("/");
    const signature = crypto.getRandomValues(new Uint8Array(16)).toHex();
    const url = `${origin}${ATTACHMENTS}${path}?signature=${signature}`;
    this.#files.set(url, undefined);
    return url;
  }

  /** Takes in a file. */
  async put(request: Request): Promise<Response> {
    if (request.method !== "PUT") return refusal(405, "Method not allowed");
    if (!this.#files.has(request.url)) return refusal(403, "The signature does not match");
    if (request.headers.get("Content-Type") !== "application/octet-stream") {
      return refusal(400, "Content-Type must be application/octet-stream");
    }
    const hash = createHash("sha256");
    let size = 0;
    try {
      for await (const chunk of request.body ?? []) {
        hash.update(chunk);
        size += chunk.byteLength;
      }
    } catch {
      return refusal(400, "The file did not arrive whole");
    }
    this.#files.set(request.url, { size, sha256: hash.digest("hex") });
    return accepted();
  }

  /** What was put at a signed URL, if anything was. */
  at(url: string): StoredFile | undefined {
    return this.#files.get(url);
  }
}

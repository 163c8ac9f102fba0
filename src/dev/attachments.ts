/**
 * Where result files go: attachments, their signed URLs, and what was put there. Of a file only size
 * and hash are kept, whatever its size.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { extname } from "node:path";
import { accepted, refusal } from "./json_answers.ts";

/** A file that was put at a signed URL. */
export interface StoredFile {
  /** How many bytes it has. */
  readonly size: number;
  /** Its SHA-256, in hexadecimal. */
  readonly sha256: string;
}

/** An attachment of a workload, as the platform named it. */
interface Attachment {
  /** Its UUID. */
  readonly uuid: string;
  /** The UUID with the extension of the file: what the platform calls it. */
  readonly filename: string;
  /** Where its file is to be put. */
  readonly signedUrl: string;
  /** The workload it belongs to. */
  readonly workloadUuid: string;
  /** Its file, once that was put. */
  file: StoredFile | undefined;
}

/** Below it are the signed URLs. */
export const ATTACHMENTS = "/attachments/";

/** Delays the storage: it takes the next bytes of a workload's file when this has settled. */
export type StoragePace = (workloadUuid: string, bytes: number) => Promise<void>;

/** Attachments and what is behind their URLs. */
export class Attachments {
  /** How fast files are taken in. Default: as fast as they come. */
  pace: StoragePace | undefined;
  readonly #byUuid = new Map<string, Attachment>();
  readonly #byUrl = new Map<string, Attachment>();

  /** Makes one for a file of a workload, with a URL below `origin`. The platform chooses its name. */
  create(origin: string, workloadUuid: string, path: string): Attachment {
    const uuid = crypto.randomUUID();
    const filename = uuid + extname(path);
    const signature = crypto.getRandomValues(new Uint8Array(16)).toHex();
    const signedUrl = `${origin}${ATTACHMENTS}${
      [workloadUuid, filename].map(encodeURIComponent).join("/")
    }?signature=${signature}`;
    const attachment = { uuid, filename, signedUrl, workloadUuid, file: undefined };
    this.#byUuid.set(uuid, attachment);
    this.#byUrl.set(signedUrl, attachment);
    return attachment;
  }

  /** Takes in a file. */
  async put(request: Request): Promise<Response> {
    if (request.method !== "PUT") return refusal(405, "Method not allowed");
    const attachment = this.#byUrl.get(request.url);
    if (attachment === undefined) return refusal(403, "The signature does not match");
    if (request.headers.get("Content-Type") !== "application/octet-stream") {
      return refusal(400, "Content-Type must be application/octet-stream");
    }
    const hash = createHash("sha256");
    let size = 0;
    try {
      for await (const chunk of request.body ?? []) {
        await this.pace?.(attachment.workloadUuid, chunk.byteLength);
        hash.update(chunk);
        size += chunk.byteLength;
      }
    } catch {
      return refusal(400, "The file did not arrive whole");
    }
    attachment.file = { size, sha256: hash.digest("hex") };
    return accepted();
  }

  /** The attachment of this UUID. */
  find(uuid: string): Attachment | undefined {
    return this.#byUuid.get(uuid);
  }
}

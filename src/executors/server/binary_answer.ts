/**
 * Binary answers: images, sounds, archives.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import * as fs from "node:fs";

/** The extensions of files whose type has another name. */
const EXTENSIONS: Readonly<Record<string, string>> = {
  "application/gzip": "gz",
  "application/vnd.apache.parquet": "parquet",
  "application/x-npy": "npy",
  "application/x-tar": "tar",
  "audio/mpeg": "mp3",
  "audio/x-wav": "wav",
  "image/jpeg": "jpg",
  "image/svg+xml": "svg",
  "image/x-icon": "ico",
  "video/quicktime": "mov",
  "video/x-matroska": "mkv",
};

/** Types of an application that are binary, beside those above. */
const BINARY = /^application\/(octet-stream|pdf|zip|wasm|msgpack|x-msgpack|protobuf|x-protobuf)$/;

/** The extension for a body of this type; `undefined`: it is text, or its type is unknown. */
export function binaryExtension(contentType: string): string | undefined {
  const type = contentType.split(";")[0]!.trim().toLowerCase();
  if (Object.hasOwn(EXTENSIONS, type)) return EXTENSIONS[type];
  const subtype = /^(?:audio|font|image|model|video)\/([a-z0-9]{1,8})$/.exec(type)?.[1];
  if (subtype !== undefined) return subtype;
  if (/^(?:audio|font|image|model|video)\//.test(type)) return "bin";
  if (!BINARY.test(type)) return undefined;
  return type.endsWith("/pdf") || type.endsWith("/zip") ? type.split("/")[1] : "bin";
}

/**
 * What stands in the output for a binary body: the name of a new file in the folder, or base64 where
 * there is none. Throws when the file cannot be written.
 */
export function* binaryOutput(
  pieces: Iterable<Uint8Array>,
  extension: string,
  folder: string | undefined,
): Iterable<Uint8Array> {
  if (folder === undefined) yield* inBase64(pieces);
  else yield Buffer.from(writeNewFile(pieces, folder, `output.${extension}`));
}

function* inBase64(pieces: Iterable<Uint8Array>): Iterable<Uint8Array> {
  let rest = Buffer.alloc(0);
  for (const piece of pieces) {
    const bytes = Buffer.concat([rest, piece]);
    const whole = bytes.length - bytes.length % 3;
    rest = bytes.subarray(whole);
    yield Buffer.from(bytes.toString("base64", 0, whole));
  }
  yield Buffer.from(rest.toString("base64"));
}

/** Writes a new file, which replaces none: output.png, output-2.png and so on. Returns its name. */
function writeNewFile(pieces: Iterable<Uint8Array>, folder: string, name: string): string {
  fs.mkdirSync(folder, { recursive: true });
  const [stem, extension] = name.split(".");
  for (let count = 1;; count++) {
    const candidate = count === 1 ? name : `${stem}-${count}.${extension}`;
    const file = openNew(`${folder}/${candidate}`);
    if (file === undefined) continue;
    try {
      for (const piece of pieces) {
        for (let at = 0; at < piece.length;) at += fs.writeSync(file, piece, at);
      }
    } finally {
      fs.closeSync(file);
    }
    return candidate;
  }
}

/** Opens a new file; `undefined`: the name is taken. */
function openNew(path: string): number | undefined {
  try {
    return fs.openSync(path, "wx");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return undefined;
    throw error;
  }
}

/**
 * Images in params: they travel as base64, and reach the workload as a file.
 *
 * @module
 */
import type { JsonObject } from "../protocol/json.ts";

/** A file that goes into a workload's folder. */
export interface WorkloadFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The param that holds an image. */
const ENCODED = "image_bytes_base64";

const FORMATS: readonly { readonly extension: string; readonly magic: RegExp }[] = [
  // deno-lint-ignore no-control-regex
  { extension: "png", magic: /^\x89PNG\r\n\x1a\n/ },
  { extension: "jpeg", magic: /^\xff\xd8\xff/ },
  { extension: "gif", magic: /^GIF8[79]a/ },
  { extension: "webp", magic: /^RIFF[^]{4}WEBP/ },
];

/** Takes the image out of `params`; `undefined`: there is none. Throws when it is not one. */
export function imageIn(params: JsonObject): WorkloadFile | undefined {
  const encoded = params[ENCODED];
  if (encoded === undefined || encoded === null) return undefined;
  const bytes = decode(encoded);
  const start = String.fromCharCode(...bytes.subarray(0, 16));
  const format = FORMATS.find(({ magic }) => magic.test(start));
  if (format === undefined) throw new TypeError(`${ENCODED} is no PNG, JPEG, GIF or WebP image`);
  return { name: `image.${format.extension}`, bytes };
}

/** Params with the path of an image in place of the image. */
export function withImagePath(params: JsonObject, path: string): JsonObject {
  const { [ENCODED]: _, ...rest } = params;
  return { ...rest, image: path };
}

/** Whether params, as JSON, may hold an image: most need not be read for that. */
export function mayHoldImage(params: string): boolean {
  return params.includes(ENCODED);
}

function decode(encoded: unknown): Uint8Array {
  if (typeof encoded !== "string") throw new TypeError(`${ENCODED} must be a string`);
  const text = encoded.replace(/^data:[^,]*;base64,/i, "");
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    throw new TypeError(`${ENCODED} is not base64`);
  }
}

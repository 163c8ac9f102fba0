/**
 * Images in params: they travel as base64, and reach the workload as a file.
 *
 * @module
 */
import { type JsonObject, parseLossless } from "../protocol/json.ts";
import { PARAMS_FILE, type WorkloadFile } from "../workloads/folder.ts";

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

/**
 * The files that params become in the folder at `path`: themselves, and the image they hold, whose
 * path they then have in its place.
 */
export function unpack(params: string, path: string): WorkloadFile[] {
  // Most hold none, and need not be read for that.
  if (!params.includes(ENCODED)) return [{ name: PARAMS_FILE, bytes: params }];
  const { [ENCODED]: encoded, ...rest } = parseLossless(params) as JsonObject;
  const image = imageIn({ [ENCODED]: encoded });
  if (image === undefined) return [{ name: PARAMS_FILE, bytes: params }];
  const bytes = JSON.stringify({ ...rest, image: `${path}/${image.name}` });
  return [{ name: PARAMS_FILE, bytes }, image];
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

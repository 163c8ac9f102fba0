/**
 * Images in params: they travel as base64, and reach the workload as a file.
 *
 * @module
 */
import { ObjectText } from "../protocol/object_text.ts";
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

/** The image in `params`; `undefined`: there is none. Throws a TypeError when it is not an image. */
export function imageIn(params: ObjectText): WorkloadFile | undefined {
  const encoded = params.get(ENCODED) ?? undefined;
  if (encoded === undefined) return undefined;
  const bytes = decode(encoded);
  const start = String.fromCharCode(...bytes.subarray(0, 16));
  const format = FORMATS.find(({ magic }) => magic.test(start));
  if (format === undefined) throw new TypeError(`${ENCODED} is no PNG, JPEG, GIF or WebP image`);
  return { name: `image.${format.extension}`, bytes };
}

/**
 * The files that params (JSON) become in the folder at `path`: themselves, and the image in them,
 * which its path then stands for.
 */
export function unpack(params: string, path: string): WorkloadFile[] {
  // Most hold none, and need not be read for that.
  const object = params.includes(ENCODED) ? ObjectText.parse(params) : undefined;
  const image = object && imageIn(object);
  if (image === undefined) return [{ name: PARAMS_FILE, bytes: params }];
  const { text } = object!.without(ENCODED).with("image", JSON.stringify(`${path}/${image.name}`));
  return [{ name: PARAMS_FILE, bytes: text }, image];
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

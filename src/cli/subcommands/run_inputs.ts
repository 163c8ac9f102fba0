/**
 * The params of `run`: from JSON, from files, and from inputs by their names.
 *
 * @module
 */
import { extname } from "node:path";
import { imageIn } from "../../commands/image.ts";
import { ConfigError, messageOf, quoted } from "../../errors.ts";
import { jsonTypeOf } from "../../protocol/json.ts";
import { ObjectText } from "../../protocol/object_text.ts";

/** Reads all of a file, or of standard input for `-`. */
type ReadBytes = (path: string) => Promise<Uint8Array>;

/** The name under which the node takes an image. */
const IMAGE = "image";
const ENCODED_IMAGE = "image_bytes_base64";

/**
 * The params that were written as JSON, `@FILE` or `-`, and the inputs `NAME=VALUE` beside them.
 *
 * @throws {ConfigError} if something cannot be read
 */
export async function readParams(
  given: string,
  inputs: readonly string[],
  read: ReadBytes = readBytes,
): Promise<ObjectText> {
  const isStandardInput = [given, ...inputs.map(valueOf)].filter((word) => /^@?-$/.test(word));
  if (isStandardInput.length > 1) throw new ConfigError("Standard input can be read only once");
  let params = parseParams(await textOf(given, read));
  const values = new Map<string, string[]>();
  for (const input of inputs) {
    const name = nameOf(input);
    const [key, json] = await readInput(name, valueOf(input), read);
    values.set(key, [...values.get(key) ?? [], json]);
  }
  for (const [name, all] of values) {
    params = params.with(name, all.length === 1 ? all[0]! : `[${all.join(",")}]`);
  }
  return params;
}

async function textOf(given: string, read: ReadBytes): Promise<string> {
  const path = given === "-" ? "-" : given.startsWith("@") ? given.slice(1) : undefined;
  if (path === undefined) return given;
  return new TextDecoder().decode(await bytesOf(path, read, "params", given));
}

function parseParams(text: string): ObjectText {
  let params: ObjectText | undefined;
  try {
    params = ObjectText.parse(text);
  } catch (error) {
    throw new ConfigError(`Params must be JSON, got ${quoted(text)}: it ${messageOf(error)}`, {
      hint: `Put them in single quotes, '{"x": 1}', or give each as an input: -i x=1`,
    });
  }
  if (params !== undefined) return params;
  throw new ConfigError(`Params must be a JSON object, got ${jsonTypeOf(text)}`, {
    hint: `Give each of them a name: '{"x": 1}'`,
  });
}

function nameOf(input: string): string {
  const at = input.indexOf("=");
  if (at > 0) return input.slice(0, at);
  throw new ConfigError(`An input must be NAME=VALUE, got ${quoted(input)}`, {
    hint: "For example: -i x=1 -i image=@cat.png",
  });
}

function valueOf(input: string): string {
  return input.slice(input.indexOf("=") + 1);
}

/** The name of a param and its JSON. */
async function readInput(name: string, value: string, read: ReadBytes): Promise<[string, string]> {
  if (!value.startsWith("@")) return [name, asJson(value)];
  const path = value.slice(1);
  const bytes = await bytesOf(path, read, `the input ${quoted(name)}`, value);
  const image = JSON.stringify(bytes.toBase64());
  if (name === IMAGE && isImage(image)) return [ENCODED_IMAGE, image];
  const text = path === "-" ? asText(bytes) : undefined;
  return [name, JSON.stringify(text ?? dataUrl(bytes, path))];
}

/** JSON stays what it is; everything else is text. */
function asJson(value: string): string {
  try {
    JSON.parse(value);
    return value;
  } catch {
    return JSON.stringify(value);
  }
}

function isImage(json: string): boolean {
  try {
    return imageIn(ObjectText.EMPTY.with(ENCODED_IMAGE, json)) !== undefined;
  } catch {
    return false;
  }
}

/** What is typed or piped is text, without the line break at its end. */
function asText(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return text.includes("\0") ? undefined : text.replace(/\r?\n$/, "");
  } catch {
    return undefined;
  }
}

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  ".csv": "text/csv",
  ".flac": "audio/flac",
  ".gif": "image/gif",
  ".jpeg": "image/jpeg",
  ".jpg": "image/jpeg",
  ".json": "application/json",
  ".mp3": "audio/mpeg",
  ".mp4": "video/mp4",
  ".pdf": "application/pdf",
  ".png": "image/png",
  ".txt": "text/plain",
  ".wav": "audio/wav",
  ".webm": "video/webm",
  ".webp": "image/webp",
};

function dataUrl(bytes: Uint8Array, path: string): string {
  const type = MEDIA_TYPES[extname(path).toLowerCase()] ?? "application/octet-stream";
  return `data:${type};base64,${bytes.toBase64()}`;
}

async function bytesOf(
  path: string,
  read: ReadBytes,
  what: string,
  given: string,
): Promise<Uint8Array> {
  try {
    return await read(path);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound ? "there is no such file" : messageOf(error);
    throw new ConfigError(`Cannot read ${what} from ${quoted(given)}: ${why}`, {
      hint: what === "params" ? "@FILE names a file that holds a JSON object" : "@ names a file",
    });
  }
}

async function readBytes(path: string): Promise<Uint8Array> {
  if (path !== "-") return await Deno.readFile(path);
  return new Uint8Array(await new Response(Deno.stdin.readable).arrayBuffer());
}

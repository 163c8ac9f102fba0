/**
 * Asks the registry that this program was loaded from for the newest version there is.
 *
 * @module
 */
import { untracedFetch } from "../os/untraced_fetch.ts";

/** Where a published module came from. */
export interface Publication {
  /** What describes all versions of its package. */
  readonly url: URL;
  /** The package, as `@scope/name`. */
  readonly name: string;
  /** The version that it is of. */
  readonly version: string;
}

/** Where the module with this URL came from; `undefined` when that is no registry. */
export function publicationOf(moduleUrl: string): Publication | undefined {
  const parts = /^(https?:\/\/.*?\/)(@[\w-]+\/[\w-]+)\/(\d+\.\d+\.\d+[\w.+-]*)\//.exec(moduleUrl);
  if (parts === null) return undefined;
  const [, registry = "", name = "", version = ""] = parts;
  return { url: new URL(`${name}/meta.json`, registry), name, version };
}

/** What a registry may send at most. It lists every version, in less than 100 bytes each. */
const MAX_BYTES = 1024 * 1024;

/**
 * The newest version in the registry; `undefined` when its answer names none. Throws when there is no
 * answer, or one that is too long.
 */
export async function newestVersion(url: URL, signal: AbortSignal): Promise<string | undefined> {
  const response = await untracedFetch(url, { redirect: "error", signal });
  const text = await textOf(response);
  const { latest } = JSON.parse(text) as { latest?: unknown };
  return typeof latest === "string" && numbersOf(latest) !== undefined ? latest : undefined;
}

async function textOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.length;
    if (bytes > MAX_BYTES) throw new Error(`The registry sent more than ${MAX_BYTES} bytes`);
    text += decoder.decode(piece, { stream: true });
  }
  return text;
}

/** Whether version `a`, which is no prerelease, is newer than `b`, which may be one. */
export function isNewer(a: string, b: string): boolean {
  const [left, right] = [numbersOf(a), numbersOf(b.replace(/[-+].*$/, ""))];
  if (left === undefined || right === undefined) return false;
  const at = left.findIndex((number, index) => number !== right[index]);
  return at === -1 ? b.includes("-") : left[at]! > right[at]!;
}

/** The numbers of a version; `undefined` when it is a prerelease, or no version. */
function numbersOf(version: string): number[] | undefined {
  return /^\d{1,9}\.\d{1,9}\.\d{1,9}$/.test(version) ? version.split(".").map(Number) : undefined;
}

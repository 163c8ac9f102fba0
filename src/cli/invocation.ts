/**
 * How this program was started, so that commands can be shown that work when they are pasted.
 *
 * @module
 */
import { realpathSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** A command line of this program, to be pasted into a shell in any folder. */
export function commandLine(args: readonly string[]): string {
  const variables = Object.entries(registry()).map(([name, value]) => `${name}=${value}`);
  return [...variables, ...program(deno()), ...args].map(shellWord).join(" ");
}

/**
 * Bounds V8's young generation, which otherwise grows to 32 MiB twice over in a node that is busy,
 * and never shrinks. V8 reads this only when it starts; `deno task compile` builds it in.
 */
export const V8_FLAGS = "--v8-flags=--max-semi-space-size=4";

/**
 * A service starts whether or not there is a network, and with a clock that stands years back, as
 * boards without a battery boot: to Deno, packages that are newer than the clock are too new.
 */
const OFFLINE_FLAGS = ["--cached-only", "--minimum-dependency-age=0"];

/**
 * The words that start this program as a service, wherever that is started. Its packages are those
 * of the `lock` file. Without one Deno looks for the newest at each start, which takes time and
 * memory, and finds versions that another program has heard of and the cache does not have.
 */
export function serviceWords(lock?: string): [string, ...string[]] {
  return program(Deno.execPath(), [...OFFLINE_FLAGS, V8_FLAGS, ...lockFlag(lock)]);
}

/**
 * The words that store all packages of this program on this computer, and their versions in the
 * `lock` file; `undefined`: it has them.
 */
export function cacheWords(lock?: string): [string, ...string[]] | undefined {
  if (Deno.build.standalone) return undefined;
  return [Deno.execPath(), "cache", "--quiet", ...lockFlag(lock), serviceWords().at(-1)!];
}

function lockFlag(lock: string | undefined): string[] {
  return lock === undefined ? [] : [`--lock=${lock}`];
}

/** The environment variables without which those words would not find the same packages. */
export function denoVariables(): Record<string, string> {
  if (Deno.build.standalone) return {};
  const folder = Deno.env.get("DENO_DIR");
  return { ...registry(), ...(folder === undefined ? {} : { DENO_DIR: resolve(folder) }) };
}

/** `text` as one word of a POSIX shell. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function program(deno: string, flags: readonly string[] = []): [string, ...string[]] {
  if (Deno.build.standalone) return [Deno.execPath()];
  const [, version] = /@cyberwave\/cloud-node\/([^/]+)\/\w+\.ts$/.exec(Deno.mainModule) ?? [];
  const isFile = Deno.mainModule.startsWith("file:");
  const module = isFile
    ? fileURLToPath(Deno.mainModule)
    : version === undefined
    ? Deno.mainModule
    : `jsr:@cyberwave/cloud-node@${version}`;
  return [deno, "run", "-A", ...flags, module];
}

/** Where packages come from, when that is not where everybody gets them. */
function registry(): Record<string, string> {
  const url = Deno.env.get("JSR_URL");
  return url === undefined || url === "https://jsr.io/" ? {} : { JSR_URL: url };
}

/** `deno` where the shell finds this one under that name, else its path. */
function deno(): string {
  const path = Deno.execPath();
  const first = (Deno.env.get("PATH") ?? "").split(delimiter)
    .map((folder) => realPath(join(folder, "deno")))
    .find((found) => found !== undefined);
  return first === realPath(path) ? "deno" : path;
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

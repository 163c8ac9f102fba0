/**
 * Reads the text files that settings come from. Anything else at their path is refused: a named pipe
 * would block the node, and a device or a huge file would fill its memory.
 *
 * @module
 */
import { ConfigError } from "../../errors.ts";

/** The largest file of settings, in bytes. */
const MAX_SIZE = 256 * 1024;

/**
 * The text of the file at `path`, without a byte order mark; `undefined` when there is no such file.
 *
 * @throws {ConfigError} that says what it is instead: `it is a folder`
 */
export async function readTextFile(path: string): Promise<string | undefined> {
  try {
    const info = await Deno.stat(path);
    const problem = problemOf(info, path);
    if (problem !== undefined) throw new ConfigError(problem);
    const bytes = await Deno.readFile(path);
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Deno.errors.PermissionDenied) throw new ConfigError("permission denied");
    if (error instanceof TypeError) throw new ConfigError("it is not UTF-8 text");
    throw error;
  }
}

/** Whether there is something at `path`, or may be. */
export async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(
    () => true,
    (error) => !(error instanceof Deno.errors.NotFound),
  );
}

/** Whether there certainly is something at `path`, or where a link there leads. */
export function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function problemOf({ isFile, isDirectory, size }: Deno.FileInfo, path: string): string | undefined {
  if (isDirectory) return "it is a folder";
  if (!isFile && path !== "/dev/null") return "it is not a regular file";
  return size > MAX_SIZE ? `it is larger than ${MAX_SIZE} bytes` : undefined;
}

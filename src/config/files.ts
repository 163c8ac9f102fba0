/**
 * Reads the files that settings come from.
 *
 * @module
 */
import { parse as parseDotenv } from "@std/dotenv";
import { parse as parseYaml } from "@std/yaml";
import { ConfigError, messageOf, quoted } from "../errors.ts";
import { isMapping } from "./sources.ts";

/**
 * The root of the YAML file at `path`; `undefined` when there is no such file.
 *
 * @throws {ConfigError} when it cannot be read or is not YAML, with line and column
 */
export async function readYaml(path: string, shownAs: string): Promise<unknown> {
  try {
    const text = await readText(path);
    if (text === undefined) return undefined;
    const root = parseYaml(text);
    refuseTabs(text, root);
    return root;
  } catch (error) {
    if (!(error instanceof SyntaxError)) {
      throw new ConfigError(`Cannot read ${quoted(shownAs)}: ${reason(error)}`);
    }
    throw new ConfigError(`Cannot read ${quoted(shownAs)}: ${yamlReason(error)}`, {
      hint: 'Indent with spaces, and put a command that holds ": " or " #" on a line of its own ' +
        "below its key and a |",
    });
  }
}

/** The parser takes a setting that is indented with a tab for one that is not indented at all. */
function refuseTabs(text: string, root: unknown): void {
  if (!isMapping(root)) return;
  const line = text.split("\n").findIndex((line) => {
    const [, key] = /^\t+([\w-]+):(?:\s|$)/.exec(line) ?? [];
    return key !== undefined && Object.hasOwn(root, key);
  });
  if (line !== -1) throw new SyntaxError(`A tab is no indentation at line ${line + 1}, column 1`);
}

/** The variables in the .env file at `path`: none when there is no such file. */
export function readDotenv(
  path: string,
  warn: (message: string) => void,
): Promise<Record<string, unknown>> {
  return readOptional(path, parseDotenv, warn);
}

/** What credentials.json at `path` holds: nothing when there is no such file. */
export function readCredentials(
  path: string,
  warn: (message: string) => void,
): Promise<Record<string, unknown>> {
  return readOptional(path, parseCredentials, warn);
}

/** A file that may be missing. One that cannot be used counts as missing, with a warning. */
async function readOptional(
  path: string,
  parse: (text: string) => Record<string, unknown>,
  warn: (message: string) => void,
): Promise<Record<string, unknown>> {
  try {
    const text = await readText(path);
    return text === undefined ? {} : parse(text);
  } catch (error) {
    warn(`Ignored ${quoted(path)}: ${reason(error)}`);
    return {};
  }
}

function parseCredentials(text: string): Record<string, unknown> {
  const credentials = parseJson(text);
  if (!isMapping(credentials)) throw new ConfigError("it is not a JSON object");
  return credentials;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message would quote the file, which holds a token.
    throw new ConfigError("it is not valid JSON");
  }
}

async function readText(path: string): Promise<string | undefined> {
  let bytes;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  // Also drops the byte order mark that some editors write.
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}

function reason(error: unknown): string {
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  if (error instanceof TypeError) return "it is not UTF-8 text";
  return messageOf(error);
}

/** What is wrong and where, without anything of the file itself: that may hold a password. */
function yamlReason(error: SyntaxError): string {
  const [what = ""] = error.message.split(":\n");
  return what.replace(/ ?("[^"]*"|!<[^>]*>)/g, "");
}

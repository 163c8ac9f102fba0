/**
 * Reads the files that settings come from.
 *
 * @module
 */
import { ConfigError, messageOf, quoted } from "../../errors.ts";
import { parseDotenv } from "./dotenv.ts";
import { frontMatterOf, isMarkdown } from "./front_matter.ts";
import { isMapping } from "../sources.ts";
import { readTextFile } from "./text_file.ts";
import { parseYaml, YamlError } from "./yaml.ts";

/** Takes a warning for the operator. */
export type Warn = (message: string) => void;

/** A YAML document. */
export interface YamlDocument {
  /** What it says. */
  readonly root: unknown;
  /** Its text, with the lines that it has in its file. */
  readonly text: string;
}

/**
 * The YAML file at `path`, or the front matter of a Markdown file; `undefined` when there is no such
 * file. `given` is its text, if that is known already.
 *
 * @throws {ConfigError} when it cannot be read or is not YAML, with line and column
 */
export async function readYaml(
  path: string,
  shownAs: string,
  given?: string,
): Promise<YamlDocument | undefined> {
  try {
    const text = given ?? await readTextFile(path);
    if (text === undefined) return undefined;
    if (!isMarkdown(path)) return { root: parseYaml(text), text };
    const frontMatter = frontMatterOf(text);
    if (frontMatter === undefined) {
      throw new ConfigError("it has no front matter: YAML between lines --- at its beginning");
    }
    return { root: parseYaml(frontMatter), text: frontMatter };
  } catch (error) {
    throw new ConfigError(`Cannot read ${quoted(shownAs)}: ${messageOf(error)}`, {
      hint: error instanceof YamlError ? error.hint : undefined,
    });
  }
}

/** The variables in the .env file at `path`: none when there is no such file. */
export function readDotenv(
  path: string,
  env: Readonly<Record<string, string>>,
  warn: Warn,
): Promise<Readonly<Record<string, string>>> {
  return readOptional(path, warn, (text) => readVariables(path, text, env, warn));
}

/** The variables in `text`, that of the file at `path`. */
export async function readVariables(
  path: string,
  text: string,
  env: Readonly<Record<string, string>>,
  warn: Warn,
): Promise<Readonly<Record<string, string>>> {
  const { variables, unreadable } = await parseDotenv(text, env);
  if (unreadable.length > 0) {
    const lines = unreadable.slice(0, MAX_LINES_NAMED).join(", ");
    const more = unreadable.length > MAX_LINES_NAMED ? ", ..." : "";
    warn(`Ignored what is not NAME=value in ${quoted(path)} (line ${lines}${more})`);
  }
  return variables;
}

const MAX_LINES_NAMED = 10;

/** What credentials.json at `path` holds: nothing when there is no such file. */
export function readCredentials(
  path: string,
  warn: Warn,
): Promise<Readonly<Record<string, unknown>>> {
  return readOptional(path, warn, parseCredentials);
}

/** A file that may be missing. One that cannot be used counts as missing, with a warning. */
async function readOptional<T>(
  path: string,
  warn: Warn,
  parse: (text: string) => Readonly<Record<string, T>> | Promise<Readonly<Record<string, T>>>,
): Promise<Readonly<Record<string, T>>> {
  try {
    const text = await readTextFile(path);
    return text === undefined ? {} : await parse(text);
  } catch (error) {
    warn(`Ignored ${quoted(path)}: ${messageOf(error)}`);
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

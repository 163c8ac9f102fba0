/**
 * `env_file`: files of variables for workloads. They are read as `.env` files are.
 *
 * @module
 */
import { ConfigError, messageOf, quoted } from "../../errors.ts";
import { readPermission, requirePermissions } from "../../permissions.ts";
import { readVariables } from "./files.ts";
import { isMapping } from "../sources.ts";
import { readTextFile } from "./text_file.ts";
import { type Parsed, refuse, type ValueType } from "../values/value_type.ts";
import { nameProblem } from "../variables.ts";

/** A file of variables for workloads. */
export interface EnvFile {
  /** Where it is; relative to the folder of the config file until the settings are complete. */
  readonly path: string;
  /** Whether it must be there. */
  readonly required: boolean;
}

/** One file or several, each a path or `{ path, required }`. */
export const envFiles: ValueType<readonly EnvFile[]> = {
  parse(value) {
    if (value === "") return { value: [] };
    const items = Array.isArray(value) ? value : [value];
    const files: EnvFile[] = [];
    for (const [index, item] of items.entries()) {
      const parsed = parseFile(item);
      if ("problem" in parsed) return Array.isArray(value) ? { ...parsed, path: [index] } : parsed;
      files.push(parsed.value);
    }
    return { value: files };
  },
  format: (files) => files.map(({ path }) => path).join(", "),
};

function parseFile(item: unknown): Parsed<EnvFile> {
  const { path, required = true, ...others } = isMapping(item) ? item : { path: item };
  const isRight = typeof path === "string" && path !== "" && !path.includes("\0") &&
    typeof required === "boolean" && Object.keys(others).length === 0;
  if (isRight) return { value: { path, required } };
  return refuse("a path, or { path: PATH, required: false }, or a list of them", item);
}

/** The content of files of variables. */
interface EnvFilesRead {
  /** The variables; of two with the same name the later one. */
  readonly variables: Readonly<Record<string, string>>;
  /** Warnings for their author. */
  readonly warnings: readonly string[];
  /** What is wrong, with the index of its file. */
  readonly problems: readonly { readonly index: number; readonly error: ConfigError }[];
}

/** Reads the files, in which `${NAME}` is a variable of `env` or of a line above. */
export async function readEnvFiles(
  files: readonly EnvFile[],
  env: Readonly<Record<string, string>>,
): Promise<EnvFilesRead> {
  requirePermissions(files.map(({ path }) => readPermission(path, "env_file")));
  const variables: Record<string, string> = {};
  const warnings: string[] = [];
  const problems: { index: number; error: ConfigError }[] = [];
  for (const [index, file] of files.entries()) {
    try {
      Object.assign(variables, await readOne(file, env, (message) => void warnings.push(message)));
    } catch (error) {
      const message = `Cannot read the env_file ${quoted(file.path)}: ${messageOf(error)}`;
      const hint = error instanceof ConfigError ? error.hint : undefined;
      problems.push({ index, error: new ConfigError(message, { hint, cause: error }) });
    }
  }
  return { variables, warnings, problems };
}

async function readOne(
  { path, required }: EnvFile,
  env: Readonly<Record<string, string>>,
  warn: (message: string) => void,
): Promise<Readonly<Record<string, string>>> {
  const text = await readTextFile(path);
  if (text === undefined) {
    if (!required) return {};
    throw new ConfigError("there is no such file", {
      hint: "Create it, or let it be missing: env_file: { path: ..., required: false }",
    });
  }
  const variables = await readVariables(path, text, env, warn);
  for (const [name, value] of Object.entries(variables)) {
    const problem = nameProblem(name);
    if (problem !== undefined) throw new ConfigError(`its variables ${problem.problem}`);
    if (value.includes("\0")) throw new ConfigError(`the value of ${name} must not hold NUL`);
  }
  return variables;
}

/**
 * What is run for a command: its template, or a function of a Python file.
 *
 * @module
 */
import { dirname } from "node:path";
import { FUNCTIONS, moduleIn } from "../../config/module_template.ts";
import type { WorkloadKind } from "../../protocol/kinds.ts";
import type { WorkloadFile, WorkloadFolder } from "../../workloads/folder.ts";
import { MODULE_RUNNER, MODULE_RUNNER_FILE } from "./module_runner.ts";
import { PARAMS_FILE_VARIABLE, renderTemplate, type TemplateValues } from "./template.ts";

/** What is run for a command. */
interface CommandProgram {
  /** What `bash -c`, or `sh -c` where there is no bash, is to run. */
  readonly source: string;
  /** Its variables. */
  readonly variables: Readonly<Record<string, string>>;
  /** What has to be in the workload's folder. */
  readonly files: readonly WorkloadFile[];
}

/** What a program is made from. */
interface CommandProgramOptions extends Omit<TemplateValues, "paramsFile"> {
  readonly template: string;
  readonly kind: string;
  readonly folder: WorkloadFolder;
  /** The Python that runs a function. Default: that of `.venv`, else the system's. */
  readonly python: string | undefined;
}

/** The program for a command, or why there is none. */
export function commandProgram(
  options: CommandProgramOptions,
): CommandProgram | { readonly problem: string } {
  const { template, kind, folder, python, ...values } = options;
  const { paramsFile } = folder;
  const module = moduleIn(template);
  if (module === undefined) {
    const rendered = renderTemplate(template, { ...values, paramsFile });
    return "problem" in rendered ? rendered : { ...rendered, files: [] };
  }
  const runner = `${folder.path}/${MODULE_RUNNER_FILE}`;
  const words = ["-u", runner, module, FUNCTIONS[kind as WorkloadKind], kind];
  return {
    source: pythonSource(module, python, words.map(shellWord).join(" ")),
    variables: { [PARAMS_FILE_VARIABLE]: paramsFile },
    files: [{ name: MODULE_RUNNER_FILE, bytes: MODULE_RUNNER }],
  };
}

/** Shell source that becomes Python with these arguments. The install script may have made `.venv`. */
function pythonSource(module: string, python: string | undefined, args: string): string {
  if (python !== undefined) return `exec ${pathWord(python)} ${args}`;
  const folders = new Set([dirname(module), "."]);
  const pythons = [...folders].flatMap((folder) =>
    ["bin/python", "Scripts/python.exe"].map((name) => shellWord(`${folder}/.venv/${name}`))
  );
  return [
    `for python in ${pythons.join(" ")}; do [ ! -x "$python" ] || exec "$python" ${args}; done`,
    `if command -v python3 >/dev/null; then exec python3 ${args}; else exec python ${args}; fi`,
  ].join("\n");
}

/** A path as a word of which the shell expands `~` alone. */
function pathWord(path: string): string {
  return path.startsWith("~/") ? `~/${shellWord(path.slice(2))}` : shellWord(path);
}

function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

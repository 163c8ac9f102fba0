/**
 * The program of a command: its template, or a function of a Python file.
 *
 * @module
 */
import { FUNCTIONS, moduleIn } from "../../config/programs/module_template.ts";
import type { WorkloadKind } from "../../protocol/kinds.ts";
import type { WorkloadFile, WorkloadFolder } from "../../workloads/folder.ts";
import { MODULE_RUNNER, MODULE_RUNNER_FILE } from "./module_runner.ts";
import { pythonSource, shellWord } from "./python_source.ts";
import { PARAMS_FILE_VARIABLE, renderTemplate, type TemplateValues } from "./template.ts";

/** The program of a command. */
interface CommandProgram {
  /** What `bash -c`, or `sh -c` where there is no bash, is to run. */
  readonly source: string;
  /** Its variables. */
  readonly variables: Readonly<Record<string, string>>;
  /** The files that it needs in the workload's folder. */
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

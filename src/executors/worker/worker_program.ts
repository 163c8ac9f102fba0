/**
 * What is run as a worker: a shell command, or a Python file that the node's own program serves.
 *
 * @module
 */
import { FUNCTIONS, moduleIn } from "../../config/programs/module_template.ts";
import type { WorkloadKind } from "../../protocol/kinds.ts";
import type { WorkloadFile } from "../../workloads/folder.ts";
import { pythonSource, shellWord } from "../process/python_source.ts";
import { PYTHON_RUNNER, PYTHON_RUNNER_FILE } from "./python_runner.ts";

/** What is run as a worker. */
interface RunnableWorker {
  /** Shell source that becomes the worker. */
  readonly source: string;
  /** What has to be in its folder, as the source finds it. */
  readonly files: readonly WorkloadFile[];
}

/** The program of a worker for a kind of command, whose folders' paths begin with `folder`. */
export function workerProgram(
  command: string,
  kind: WorkloadKind,
  python: string | undefined,
): RunnableWorker {
  const module = moduleIn(command);
  if (module === undefined) return { source: command, files: [] };
  const names = `${FUNCTIONS[kind]},main`;
  const args = `-u "$${RUNNER_VARIABLE}" ${[module, names, kind].map(shellWord).join(" ")}`;
  return {
    source: pythonSource(module, python, args),
    files: [{ name: PYTHON_RUNNER_FILE, bytes: PYTHON_RUNNER }],
  };
}

/** The variable by which the source finds the program in the worker's folder. */
export const RUNNER_VARIABLE = "CYBERWAVE_WORKER_RUNNER";

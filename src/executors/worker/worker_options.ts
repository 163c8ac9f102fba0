/**
 * What a worker is made from.
 *
 * @module
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { resolve } from "node:path";
import { moduleIn } from "../../config/programs/module_template.ts";
import type { WorkerProgram } from "../../config/programs/workload_program.ts";
import type { Logger } from "../../log.ts";
import type { Host } from "../../os/processes.ts";
import type { Clock } from "../../time.ts";
import type { GpuShare } from "../warm/gpu_share.ts";
import type { WorkloadFile } from "../../workloads/folder.ts";
import { PYTHON_RUNNER_FILE } from "./python_runner.ts";
import { RUNNER_VARIABLE } from "./worker_program.ts";

/** What a worker is made from. */
export interface WorkerOptions {
  /** Its executor's name. */
  readonly name: string;
  /** Which of the executor's workers it is. */
  readonly number: number;
  readonly program: WorkerProgram;
  /** Shell source that becomes the worker. */
  readonly source: string;
  /** What that needs in the worker's folder. */
  readonly files: readonly WorkloadFile[];
  /** Where its own files are. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly workFolder: string;
  readonly maxOutputFiles: number;
  /** The GPUs that it gets. */
  readonly gpus: GpuShare;
  readonly host: Host;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** Called when its state or its room has changed. */
  onChange(): void;
}

/** What a worker is started with. */
export interface ProcessOptions {
  /** Where its files are. */
  readonly folder: string;
  /** What starts it: shell source. */
  readonly source: string;
  readonly env: Readonly<Record<string, string>>;
  readonly workFolder: string;
  /** Seconds for which it stays without a node. */
  readonly keepLoaded: number;
  /** Seconds between the end of its input and SIGTERM. */
  readonly unloadTimeout: number;
  readonly host: Host;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Who follows a worker. */
export interface ProcessListener {
  line(line: string, isCut: boolean): void;
  errorLine(line: string): void;
  /** It has ended, with this exit code; `undefined`: that is not known. */
  ended(code: number | undefined): void;
}

/** What a worker process is started with. */
export function processOptionsOf(options: WorkerOptions): ProcessOptions {
  const runner = { [RUNNER_VARIABLE]: `${options.folder}/${PYTHON_RUNNER_FILE}` };
  return {
    ...options,
    ...options.program,
    env: { ...options.env, ...options.gpus.env, ...runner },
  };
}

/** What makes it another worker when it changes. */
export function fingerprintOf({ source, workFolder, program }: WorkerOptions): string {
  const module = moduleIn(program.command);
  const file = module === undefined ? [] : [hashOf(resolve(workFolder, module))];
  return JSON.stringify([source, workFolder, ...file]);
}

/** The hash of a file; `null`: it cannot be read. */
function hashOf(path: string): string | null {
  try {
    return createHash("sha256").update(fs.readFileSync(path)).digest("hex");
  } catch {
    return null;
  }
}

/** Why a worker of an earlier node is to be replaced; `undefined`: it is what it is to be. */
export function whyToReplace(program: string, options: WorkerOptions): string | undefined {
  if (program !== fingerprintOf(options)) return "its command or its file was changed";
  return options.gpus.isRight ? undefined : "it is to have other GPUs";
}

/** Whether a worker that was handed so many commands is to be replaced. */
export function isDue(handled: number, { program, random }: WorkerOptions): boolean {
  const { restartAfter, workers } = program;
  // Several workers are not replaced at the same time.
  return restartAfter > 0 && handled >= restartAfter * (workers === 1 ? 1 : 0.9 + 0.2 * random());
}

/**
 * What stands in a worker's folder.
 *
 * @module
 */
import * as fs from "node:fs";
import type { ProcessIdentity } from "../../os/process_identity.ts";
import type { Host } from "../../os/processes.ts";
import type { WorkloadFile } from "../../workloads/folder.ts";
import { parseProcess } from "../process/claim.ts";
import { FILES } from "./worker_script.ts";

const { O_WRONLY, O_NONBLOCK } = fs.constants;

/** The supervisor of a worker's folder, if it has begun. */
export function processIn(
  folder: string,
  { bootId }: Pick<Host, "bootId">,
): ProcessIdentity | undefined {
  try {
    const process = parseProcess(fs.readFileSync(`${folder}/${FILES.process}`, "utf-8").trim());
    return process && { ...process, bootId };
  } catch {
    return undefined;
  }
}

/** The exit code of the worker in a folder; `undefined`: it has written none. */
export function exitCodeIn(folder: string): number | undefined {
  try {
    const text = fs.readFileSync(`${folder}/${FILES.exit}`, "utf-8").trim();
    return /^\d+$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}

/** Opens a pipe for writing; `undefined`: nobody reads it. */
export function openPipe(path: string): number | undefined {
  try {
    return fs.openSync(path, O_WRONLY | O_NONBLOCK);
  } catch {
    return undefined;
  }
}

/** What is written down about a worker before it starts. */
interface WorkerRecord {
  readonly id: string;
  readonly bootId: string;
  readonly program: string;
  /** The GPUs that it was given. */
  readonly gpus?: readonly string[];
}

/** Whether somebody holds a named pipe open for reading. */
export function hasReader(path: string): boolean {
  const pipe = openPipe(path);
  if (pipe !== undefined) fs.closeSync(pipe);
  return pipe !== undefined;
}

/** What is written down about the worker in a folder. */
export function workerRecordIn(
  folder: string,
): WorkerRecord | undefined {
  try {
    const { id, bootId, program, gpus } = JSON.parse(readText(`${folder}/${FILES.record}`));
    return typeof id === "string" ? { id, bootId, program, gpus } : undefined;
  } catch {
    return undefined;
  }
}

/** A small file; `""` where there is none. */
export function readText(path: string): string {
  try {
    return fs.readFileSync(path, "utf-8");
  } catch {
    return "";
  }
}

/** How a worker ended, and what it said last. */
export function describeEnd(code: number | undefined, lastLines = ""): string {
  const said = lastLines === "" ? "" : `:\n${lastLines}`;
  if (code === undefined) return `The worker was killed${said}`;
  if (code > 128) return `The worker was killed by signal ${code - 128}${said}`;
  return `The worker exited with code ${code}${said}`;
}

/** Makes the folder of a new worker in place of that of the last one. Throws. */
export function makeFolder(
  folder: string,
  files: readonly WorkloadFile[],
  record: WorkerRecord,
): void {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const { name, bytes } of [...files, { name: FILES.record, bytes: JSON.stringify(record) }]) {
    fs.writeFileSync(`${folder}/${name}`, bytes, { mode: 0o600 });
  }
}

/** The size of a file; 0 where there is none. */
export function sizeOf(path: string): number {
  return fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

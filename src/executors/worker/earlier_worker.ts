/**
 * What an earlier node has left in a worker's folder.
 *
 * @module
 */
import * as fs from "node:fs";
import type { ProcessIdentity } from "../../os/process_identity.ts";
import { startTimes } from "../../os/processes.ts";
import type { StopContext } from "../process/stop_all.ts";
import { type GpusForEach, GpuShare } from "../warm/gpu_share.ts";
import { type Handing, HandoverRecord } from "./handover_record.ts";
import { killRest } from "./kill_worker.ts";
import { OutputReader } from "./output_reader.ts";
import { describeEnd, exitCodeIn, processIn, readText, workerRecordIn } from "./worker_files.ts";
import type { WorkerOptions } from "./worker_options.ts";
import { FILES } from "./worker_script.ts";

/** The GPUs of a worker, which begins with those that one of an earlier node was given. */
export function gpusOf(
  { folder, name, number, host }: Pick<WorkerOptions, "folder" | "name" | "number" | "host">,
  gpus: GpusForEach | undefined,
): GpuShare {
  const share = new GpuShare(gpus, `${name}-${number}`);
  const record = workerRecordIn(folder);
  if (record !== undefined && record.bootId === host.bootId) share.hold(record.gpus);
  return share;
}

/** A worker of an earlier node. */
export interface EarlierWorker {
  /** Which one it was. */
  readonly id: string;
  /** What started it. */
  readonly program: string;
  /** Its supervisor, while that lives. */
  readonly process?: ProcessIdentity;
  /** How it ended, when it did. */
  readonly end?: string;
  /** Whether it was handed a command over. */
  handing(id: string): Handing;
}

/** Looks for it. What one that has ended wrote goes to `takeLine`, and its GPUs are free. */
export async function findEarlier(
  folder: string,
  options: StopContext & Pick<WorkerOptions, "gpus">,
  takeLine: (line: string, isCut: boolean) => void,
): Promise<EarlierWorker | undefined> {
  const earlier = await lookForEarlier(folder, options, takeLine);
  if (earlier?.process === undefined) options.gpus.release();
  return earlier;
}

async function lookForEarlier(
  folder: string,
  context: StopContext,
  takeLine: (line: string, isCut: boolean) => void,
): Promise<EarlierWorker | undefined> {
  const { host } = context;
  const record = workerRecordIn(folder);
  const process = record?.bootId === host.bootId ? processIn(folder, host) : undefined;
  if (record === undefined || process === undefined) return undefined;
  const { id, program } = record;
  const startTime = (await startTimes([process.pid])).get(process.pid);
  const code = exitCodeIn(folder);
  if (startTime === process.startTime && code === undefined) {
    const handing = HandoverRecord.find(`${folder}/${FILES.handed}`, `${folder}/${FILES.input}`);
    return { id, program, process, handing };
  }
  if (code === undefined) await killRest(process, id, context);
  const reader = new OutputReader(`${folder}/${FILES.output}`, 0, takeLine);
  reader.read();
  reader.end();
  reader.close();
  // Its files make room for the next one's.
  const written = readText(`${folder}/${FILES.handed}`);
  const handing = (command: string) => HandoverRecord.in(written, command, false);
  return { id, program, end: describeEnd(code), handing };
}

/** The file that says that a worker was ready, and for how many commands at a time. */
const READY = "ready";

/** Writes down that a worker is ready: a later node need not wait for it. */
export function noteReady(folder: string, concurrency: number): void {
  try {
    fs.writeFileSync(`${folder}/${READY}`, `${concurrency}`, { mode: 0o600 });
  } catch {
    // A full disk, which others report. A later node reads the worker's own words.
  }
}

/** How many commands it takes at a time, as is written down; `undefined`: it was not ready. */
export function readyFor(folder: string): number | undefined {
  const path = `${folder}/${READY}`;
  // A node of an earlier version has written nothing into it.
  return fs.existsSync(path) ? Number(readText(path)) || Infinity : undefined;
}

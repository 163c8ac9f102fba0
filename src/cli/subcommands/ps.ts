/**
 * `ps`: lists workloads.
 *
 * @module
 */
import { quoted } from "../../errors.ts";
import { commandJson } from "../../journal/command_json.ts";
import { History } from "../../journal/history.ts";
import type { CommandRecord, End } from "../../journal/record.ts";
import { createLogger, printable } from "../../log.ts";
import { type LoadedState, loadedStates } from "../../state/loaded_states.ts";
import { lockHolder } from "../../state/lock.ts";
import { outcomeOf } from "../../commands/outcome.ts";
import { inspectHost } from "../../os/processes.ts";
import { exitCodeMeaning } from "../../executors/exit_code.ts";
import { look } from "../../executors/process/observe.ts";
import type { Recovery } from "../../executors/process/recovery.ts";
import { systemClock } from "../../time.ts";
import type { Resources } from "../../protocol/resources.ts";
import type { Progress } from "../../protocol/progress.ts";
import { WorkloadFolder } from "../../workloads/folder.ts";
import { latestProgress } from "../../workloads/progress_file.ts";
import type { Arguments } from "../arguments.ts";
import { bytes } from "../../doctor/quantities.ts";
import { duration, table } from "../terminal/layout.ts";
import { progressText } from "../terminal/progress_bar.ts";
import { useStateFolder } from "../load_settings.ts";
import { harmless, isTerminal, print, report, terminalWidth, write } from "../terminal/terminal.ts";

const LATEST = 20;
const ALL = -1;

/** How often "--watch" looks. */
const WATCH_MS = 2_000;

const CLEAR_SCREEN = "\x1b[H\x1b[2J";

/** Lists the workloads. */
export async function run(args: Arguments): Promise<number> {
  const stateFolder = await useStateFolder(args);
  if (!args.has("watch")) {
    await list(args, stateFolder);
    return 0;
  }
  for (;;) {
    if (isTerminal("stdout")) write("stdout", new TextEncoder().encode(CLEAR_SCREEN));
    await list(args, stateFolder);
    await systemClock.sleep(WATCH_MS);
  }
}

async function list(args: Arguments, stateFolder: string): Promise<void> {
  using history = History.open(stateFolder);
  const recorded = history?.list(args.has("all") ? ALL : LATEST) ?? [];
  const nodePid = lockHolder(stateFolder);
  const records = nodePid === undefined ? await lookAtAll(recorded, stateFolder) : recorded;
  const loaded = nodePid === undefined ? {} : loadedStates(stateFolder);
  const used = await usedSoFar(records);
  const live = records.map((record): Live => ({
    progress: progressOf(record, stateFolder),
    resources: record.end?.resources ?? used.get(record.id),
  }));
  if (args.has("json")) {
    return print(JSON.stringify({
      state_folder: stateFolder,
      node_pid: nodePid ?? null,
      executors: loaded,
      workloads: records.map((record, index) =>
        commandJson(record, live[index]!.progress, live[index]!.resources)
      ),
    }));
  }
  const where = `with the state folder ${quoted(stateFolder)}`;
  report(
    nodePid === undefined
      ? `No node runs ${where}`
      : `The node runs ${where} as process ${nodePid}`,
  );
  for (const line of loadedLines(loaded)) report(line);
  if (history === undefined) report("There is no journal: no node has accepted a command here");
  else if (records.length === 0) report("There are no workloads");
  else for (const line of shownTable(records, live)) print(line);
}

/** The states of workers and servers, a line for each kind. */
function loadedLines(loaded: Readonly<Record<string, LoadedState>>): string[] {
  return Object.entries(loaded).map(([kind, { state, reason }]) => {
    const why = reason === undefined ? "" : `: ${reason.trim().replaceAll(/\s+/g, " ")}`;
    return harmless(`What serves ${kind} is ${state}${why}`);
  });
}

/** The progress of a running command. */
function progressOf({ id, state }: CommandRecord, stateFolder: string): Progress | undefined {
  if (state !== "running") return undefined;
  return latestProgress(new WorkloadFolder(`${stateFolder}/workloads/${id}`).progressFile).progress;
}

/** What commands that run as processes have used so far, by their ids. */
async function usedSoFar(
  records: readonly CommandRecord[],
): Promise<ReadonlyMap<string, Resources>> {
  const running = records.filter(({ state, handle }) =>
    state === "running" && handle?.executor === "process" && handle.process !== undefined
  );
  if (running.length === 0) return new Map();
  const { measureOnce } = await import("../../executors/process/meter.ts");
  const measured = await measureOnce(running.map(({ handle }) => handle!.process!)).catch(() => []);
  return new Map(
    measured.flatMap(({ resources }, index) =>
      resources === undefined ? [] : [[running[index]!.id, resources]]
    ),
  );
}

/** The commands as they are while no node runs. */
async function lookAtAll(
  records: readonly CommandRecord[],
  stateFolder: string,
): Promise<readonly CommandRecord[]> {
  if (!records.some(({ state }) => state === "running")) return records;
  const context = { host: await inspectHost(), clock: systemClock, logger: createLogger("ps") };
  return await Promise.all(records.map(async (record) => {
    // The next node decides whether a command without a known process has begun.
    if (record.state !== "running" || record.handle?.process === undefined) return record;
    if (record.handle.executor !== "process") return record;
    const folder = new WorkloadFolder(`${stateFolder}/workloads/${record.id}`);
    return asRecovered(record, await look(record.handle, folder, context));
  }));
}

/** A command as the next node will find it. One that has ended has no time of its end yet. */
export function asRecovered(record: CommandRecord, recovery: Recovery): CommandRecord {
  if (recovery.action !== "collect") return record;
  const { end } = outcomeOf(recovery.exit, record.stop);
  return { ...record, state: "ended", end: { ...end, bytes: 0 } };
}

/** What is known of a command beside its record. */
interface Live {
  /** Its progress. */
  readonly progress?: Progress;
  /** What it has used. */
  readonly resources?: Resources;
}

/** The table as it is for a program; on a terminal that is too narrow, with short ids. */
function shownTable(records: readonly CommandRecord[], live: readonly Live[]): string[] {
  const now = Date.now();
  const lines = workloadTable(records, now, live);
  if (!isTerminal("stdout") || lines.every(({ length }) => length <= terminalWidth())) return lines;
  return workloadTable(withShortIds(records), now, live);
}

/** The fewest characters of an id that are shown. */
const SHORT_ID = 10;

/** Commands with their ids shortened as far as they stay distinct. */
export function withShortIds(records: readonly CommandRecord[]): CommandRecord[] {
  const starts = (length: number) => new Set(records.map(({ id }) => id.slice(0, length)));
  let length = SHORT_ID;
  while (starts(length).size < records.length && length < 26) length++;
  return records.map((record) => ({
    ...record,
    id: record.id.slice(0, length),
    requestId: record.requestId === undefined || record.requestId.length <= SHORT_ID
      ? record.requestId
      : `${record.requestId.slice(0, SHORT_ID - 1)}…`,
  }));
}

/**
 * Workloads as lines of a table, in which those that run have their progress for a result. Columns that
 * nothing is known for are left out.
 */
export function workloadTable(
  records: readonly CommandRecord[],
  now: number,
  live: readonly Live[] = [],
): string[] {
  const head = ["ID", "KIND", "REQUEST", "STATE", "PID", "GPU", "AGE", "TIME", "CPU", "MEMORY"];
  const rows = records.map((record, index) => row(record, now, live[index] ?? {}));
  const all = [[...head, "RESULT"], ...rows];
  const isKnown = (column: number) =>
    !SOMETIMES.includes(all[0]![column]!) || rows.some((row) => row[column] !== "-");
  return table(all.map((row) => row.filter((_, column) => isKnown(column))));
}

/** The columns that are left out where nothing is known for them. */
const SOMETIMES = ["GPU", "CPU", "MEMORY"];

/** The GPUs that a command was given, of UUIDs the beginning. */
function gpuText(gpus: readonly string[] | undefined): string {
  return gpus?.length ? gpus.map((name) => name.slice(0, 12)).join() : "-";
}

function row(
  record: CommandRecord,
  now: number,
  { progress, resources: { cpuSeconds, peakMemoryBytes } = {} }: Live,
): string[] {
  const { id, kind, requestId, state, handle, acceptedAt, end } = record;
  const unseen = state === "ended" && record.endedAt === undefined;
  return [
    id,
    kind,
    requestId === undefined ? "-" : harmlessId(requestId),
    state,
    state === "running" ? `${handle?.process?.pid ?? "-"}` : "-",
    gpuText(handle?.gpus),
    duration(now - acceptedAt),
    unseen ? "-" : runTime(record, now),
    cpuSeconds === undefined ? "-" : duration(cpuSeconds * 1000),
    peakMemoryBytes === undefined ? "-" : bytes(peakMemoryBytes),
    end === undefined
      ? shortened(progress === undefined ? "-" : progressText(progress))
      : resultOf(end) + (unseen ? " (the node was down)" : ""),
  ];
}

function runTime({ startedAt, endedAt }: CommandRecord, now: number): string {
  return startedAt === undefined ? "-" : duration((endedAt ?? now) - startedAt);
}

/** An untrusted id, on one line. */
function harmlessId(id: string): string {
  return id === "" ? '""' : shortened(printable(id.replaceAll(/\s/g, " ")));
}

/** Text no wider than a UUID. */
function shortened(text: string): string {
  return text.length <= 36 ? text : `${text.slice(0, 35)}…`;
}

/** How a workload ended, in a few words. */
export function resultOf({ cause, exitCode, signal, oomKill }: Omit<End, "bytes">): string {
  switch (cause) {
    case "exited":
      return exitCode === 0 ? "ok" : inWords(exitCode, oomKill);
    case "killed":
      return `killed by ${signal}`;
    case "cancelled":
      return "cancelled";
    case "timed_out":
      return "timed out";
    case "withdrawn":
      return "withdrawn";
    case "lost":
      return "lost";
    case "not_started":
      return "not started";
  }
}

function inWords(exitCode: number | undefined, oomKill?: boolean): string {
  if (exitCode === undefined) return "failed";
  const meaning = exitCodeMeaning(exitCode, oomKill);
  return `exit code ${exitCode}${meaning === undefined ? "" : ` (${meaning})`}`;
}

/**
 * `logs`: shows what a workload printed.
 *
 * @module
 */
import { durationSeconds } from "../../config/values/durations.ts";
import { ConfigError, quoted } from "../../errors.ts";
import { History } from "../../journal/history.ts";
import type { CommandRecord } from "../../journal/record.ts";
import { createLogger } from "../../log.ts";
import { systemClock } from "../../time.ts";
import { type OutputStream, WorkloadFolder } from "../../workloads/folder.ts";
import { inLikelyOrder } from "../../workloads/mirror.ts";
import { excerptOf, outputSize, readOutputAt } from "../../workloads/output.ts";
import { readOutputIndex } from "../../workloads/output_index.ts";
import { ProgressFile } from "../../workloads/progress_file.ts";
import { inspectHost } from "../../os/processes.ts";
import { nameOf } from "../../commands/command.ts";
import { look, untilDrained, Watch } from "../../executors/process/observe.ts";
import type { Arguments } from "../arguments.ts";
import {
  lastLines,
  type OutputPiece,
  outputPieces,
  piecesSince,
  type ReadPiece,
} from "../terminal/output_pieces.ts";
import { progressText } from "../terminal/progress_bar.ts";
import { findWorkload } from "../find_workload.ts";
import { useStateFolder } from "../load_settings.ts";
import { ShownOutput } from "../terminal/shown_output.ts";
import { harmless, report, type Stream } from "../terminal/terminal.ts";

/** How often new output is looked for: short intervals show both streams in their order. */
const INTERVAL_MS = 50;

/** Prints the output of a workload. */
export async function run(args: Arguments): Promise<number> {
  const stateFolder = await useStateFolder(args);
  using history = History.open(stateFolder);
  const record = findWorkload(history, args.operands[0], stateFolder);
  const small = () => history!.output(record.id);
  const folder = new WorkloadFolder(`${stateFolder}/workloads/${record.id}`, {
    get stdout() {
      return small().stdout;
    },
    get stderr() {
      return small().stderr;
    },
  });
  const outputs = outputsOf(args).map(({ from, to }) =>
    new ShownOutput(folder, from, to, args.has("timestamps"))
  );
  showPieces(piecesToShow(record, folder, outputs, args), outputs);
  const progress = new ProgressFile(folder.progressFile);
  const show = () => {
    for (const output of inLikelyOrder(outputs)) output.show();
    const latest = args.has("follow") ? progress.look()?.progress : undefined;
    if (latest !== undefined) report(`${nameOf(record)}: ${progressText(latest)}`);
  };
  if (args.has("follow")) await follow(record, folder, history!, show);
  show();
  for (const output of outputs) output.end();
  if (!args.has("follow") && record.state === "queued") {
    report(`${nameOf(record)} is queued and has printed nothing yet`);
  }
  const ended = history?.find(record.id);
  if (ended?.state === "ended") {
    const hasOutput = outputs.some((output) => output.exists);
    const remark = remarkOn(ended, history!.reply(ended.id), folder, hasOutput);
    if (remark !== undefined) report(harmless(remark));
  }
  return 0;
}

/** Of standard error so much is looked at for the error of the reply. */
const LOOKED_AT = 256 * 1024;

/** What is said of a command that has ended, beside what it printed. */
function remarkOn(
  record: CommandRecord,
  reply: Uint8Array<ArrayBuffer> | undefined,
  folder: WorkloadFolder,
  hasOutput: boolean,
): string | undefined {
  const { cause, exitCode } = record.end!;
  const name = nameOf(record);
  const { error, output } = reply ? JSON.parse(new TextDecoder().decode(reply)) : {};
  // The error of a process is what it printed.
  if (typeof error === "string" && !(cause === "exited" && exitCode !== undefined)) {
    const text = error.trim();
    if (excerptOf(folder, "stderr", LOOKED_AT).text.includes(text)) return undefined;
    return `${name} ${cause === "exited" ? "failed" : cause.replace("_", " ")}: ${text}`;
  }
  if (hasOutput) return undefined;
  return output === ""
    ? `${name} has printed nothing`
    : `The files of ${name} were removed: see keep_workloads`;
}

function outputsOf(args: Arguments): { from: OutputStream; to: Stream }[] {
  const [onlyOut, onlyErr] = [args.has("stdout"), args.has("stderr")];
  if (onlyErr && !onlyOut) return [{ from: "stderr", to: "stdout" }];
  if (onlyOut && !onlyErr) return [{ from: "stdout", to: "stdout" }];
  return [{ from: "stdout", to: "stdout" }, { from: "stderr", to: "stderr" }];
}

/** The pieces of what was printed so far that the flags ask for. */
function piecesToShow(
  record: CommandRecord,
  folder: WorkloadFolder,
  outputs: readonly ShownOutput[],
  args: Arguments,
): readonly OutputPiece[] {
  const sizeOf = (stream: OutputStream) => outputSize(folder, stream);
  const [count, since] = [lineCount(args), sinceTime(args)];
  // Output without a recorded time was printed before the end, and after the rest.
  const at = record.endedAt ?? systemClock.now();
  const last = { at, stdout: sizeOf("stdout"), stderr: sizeOf("stderr") };
  const read: ReadPiece = (stream, from, to) =>
    readOutputAt(folder, stream, from, new Uint8Array(to - from));
  const streams = outputs.map(({ stream }) => stream);
  const all = outputPieces(readOutputIndex(folder), last, streams, read);
  const recent = since === undefined ? all : piecesSince(all, since, read);
  for (const output of outputs) {
    if (since !== undefined || count !== undefined) output.skipTo(last[output.stream]);
  }
  return count === undefined ? recent : lastLines(recent, count, read);
}

function showPieces(pieces: readonly OutputPiece[], outputs: readonly ShownOutput[]): void {
  const begun = new Set<OutputStream>();
  for (const { stream, from, to, at } of pieces) {
    const output = outputs.find((output) => output.stream === stream)!;
    if (!begun.has(stream)) output.skipTo(from);
    begun.add(stream);
    output.show(to, undefined, at);
  }
}

function lineCount(args: Arguments): number | undefined {
  const value = args.value("tail");
  if (value === undefined || value === "all") return undefined;
  if (/^\d{1,15}$/.test(value)) return Number(value);
  throw new ConfigError(`--tail must be a number of lines, or all, got ${quoted(value)}`);
}

/** A time of day, or how long ago it was. */
function sinceTime(args: Arguments): number | undefined {
  const value = args.value("since");
  if (value === undefined) return undefined;
  const seconds = durationSeconds(value);
  const time = seconds === undefined ? Date.parse(value) : systemClock.now() - seconds * 1000;
  if (!Number.isNaN(time)) return time;
  throw new ConfigError(`--since must be a time or a duration, got ${quoted(value)}`, {
    hint: "For example: 10m, 2h, 2026-05-01T12:00:00Z",
  });
}

/** Calls `show` again and again until the workload has ended, whether or not a node reports it. */
async function follow(
  { id }: CommandRecord,
  folder: WorkloadFolder,
  history: History,
  show: () => void,
): Promise<void> {
  const context = {
    host: await inspectHost(),
    clock: systemClock,
    logger: createLogger("logs"),
  };
  const ended = new AbortController();
  let watch: Watch | undefined;
  const end = () => ended.abort();
  for (let announced = false; !ended.signal.aborted;) {
    show();
    // Retention may have removed it.
    const now = history.find(id);
    if (now === undefined || now.state === "ended") break;
    if (now.state === "running") {
      // A node that is down reports nothing: then the process itself is watched.
      if (watch === undefined && now.handle?.executor === "process") {
        // Looked for, because a node that was killed may not have noted which process it is.
        const found = await look(now.handle, folder, context);
        if (found.action === "collect") {
          await untilDrained(now.handle.attempt, context);
          break;
        }
        if (found.action === "attach") {
          watch = new Watch({ ...now.handle, process: found.process }, folder, 0, context);
          watch.ended.then(end);
        }
      }
    } else if (!announced) {
      announced = true;
      report(`${nameOf(now)} is queued`);
    }
    await systemClock.sleep(INTERVAL_MS, ended.signal).catch(() => {});
  }
  watch?.leave();
}

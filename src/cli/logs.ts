/**
 * `logs`: shows what a workload printed.
 *
 * @module
 */
import { ConfigError, quoted } from "../errors.ts";
import { History } from "../journal/history.ts";
import type { CommandRecord } from "../journal/record.ts";
import { createLogger } from "../log.ts";
import { systemClock } from "../time.ts";
import { type OutputStream, WorkloadFolder } from "../workloads/folder.ts";
import { readOutputIndex } from "../workloads/output_index.ts";
import { ProgressFile } from "../workloads/progress_file.ts";
import { inspectHost } from "../os/processes.ts";
import { nameOf } from "../commands/command.ts";
import { look, untilDrained, Watch } from "../executors/process/observe.ts";
import type { Arguments } from "./arguments.ts";
import { progressText } from "./progress_bar.ts";
import { PROGRAM } from "./subcommand.ts";
import { useStateFolder } from "./load_settings.ts";
import { ShownOutput } from "./shown_output.ts";
import { report, type Stream } from "./terminal.ts";

/** How often there is a look for new output: short steps show both streams in their order. */
const INTERVAL_MS = 50;

/** Prints the output of a workload. */
export async function run(args: Arguments): Promise<number> {
  const stateFolder = await useStateFolder(args);
  const name = args.operands[0]!;
  using history = History.open(stateFolder);
  const record = history?.find(name);
  if (history === undefined || record === undefined) throw unknownWorkload(name, stateFolder);
  const small = () => history.output(record.id);
  const folder = new WorkloadFolder(`${stateFolder}/workloads/${record.id}`, {
    get stdout() {
      return small().stdout;
    },
    get stderr() {
      return small().stderr;
    },
  });
  const outputs = outputsOf(args).map(({ from, to }) => new ShownOutput(folder, from, to));
  for (const growth of readOutputIndex(folder)) outputs.forEach((output) => output.showTo(growth));
  const progress = new ProgressFile(folder.progressFile);
  const show = () => {
    for (const output of outputs) output.show();
    const latest = args.has("follow") ? progress.look()?.progress : undefined;
    if (latest !== undefined) report(`${nameOf(record)}: ${progressText(latest)}`);
  };
  if (args.has("follow")) await follow(record, folder, history, show);
  show();
  for (const output of outputs) output.end();
  if (!args.has("follow") && record.state === "queued") {
    report(`${nameOf(record)} is queued and has printed nothing yet`);
  }
  if (record.state === "ended" && !outputs.some((output) => output.exists)) {
    report(`The files of ${nameOf(record)} were removed: see keep_workloads`);
  }
  return 0;
}

function unknownWorkload(name: string, stateFolder: string): ConfigError {
  return new ConfigError(`There is no workload ${quoted(name)} in ${quoted(stateFolder)}`, {
    hint: `See "${PROGRAM} ps --all" for those there are`,
  });
}

function outputsOf(args: Arguments): { from: OutputStream; to: Stream }[] {
  const [onlyOut, onlyErr] = [args.has("stdout"), args.has("stderr")];
  if (onlyErr && !onlyOut) return [{ from: "stderr", to: "stdout" }];
  if (onlyOut && !onlyErr) return [{ from: "stdout", to: "stdout" }];
  return [{ from: "stdout", to: "stdout" }, { from: "stderr", to: "stderr" }];
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

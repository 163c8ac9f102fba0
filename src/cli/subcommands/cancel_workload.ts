/**
 * `cancel`: stops a workload of this computer, without the broker.
 *
 * @module
 */
import { nameOf } from "../../commands/command.ts";
import { ConfigError, quoted } from "../../errors.ts";
import { PROCESS_EXECUTOR } from "../../executors/executor.ts";
import { look } from "../../executors/process/observe.ts";
import { killAll, signalAll } from "../../executors/process/stop_all.ts";
import { History } from "../../journal/history.ts";
import type { CommandRecord } from "../../journal/record.ts";
import { createLogger } from "../../log.ts";
import { STOP_SIGNALS, type StopSignal } from "../../os/process_identity.ts";
import { inspectHost } from "../../os/processes.ts";
import { lockHolder } from "../../state/lock.ts";
import { type CancelRequest, LocalRequests } from "../../state/local_requests.ts";
import { systemClock } from "../../time.ts";
import { WorkloadFolder } from "../../workloads/folder.ts";
import type { Arguments } from "../arguments.ts";
import { isCarriedOut } from "../ask_node.ts";
import { findWorkload } from "../find_workload.ts";
import { useStateFolder } from "../load_settings.ts";
import { resultOf } from "./ps.ts";
import { print, report } from "../terminal/terminal.ts";

/** Stops the workload. */
export async function run(args: Arguments): Promise<number> {
  const signal = readSignal(args.value("signal") ?? "SIGTERM");
  const stateFolder = await useStateFolder(args);
  using history = History.open(stateFolder);
  const record = findWorkload(history, args.operands[0], stateFolder);
  if (record.state === "ended") throw hasEnded(record);
  const request = { type: "cancel", id: record.id, signal, at: systemClock.now() } as const;
  const nodePid = lockHolder(stateFolder);
  const isDone = nodePid !== undefined && await isCarriedOut(stateFolder, request);
  // It may have begun or ended meanwhile.
  const now = history?.find(record.id) ?? record;
  if (!isDone && lockHolder(stateFolder) === undefined) {
    return await cancelWithoutNode(now, request, stateFolder);
  }
  if (!isDone) {
    report(
      `The node (process ${nodePid}) has not taken the request: it does so as soon as it can, or ` +
        "after its next start if it is of an older version",
    );
    return 1;
  }
  print(whatCancellingDid(now, signal));
  return 0;
}

/**
 * What a carried out request did to a command, which may have begun or ended before.
 *
 * @throws {ConfigError} if it had ended already
 */
export function whatCancellingDid(now: CommandRecord, signal: StopSignal): string {
  const { stop, end, startedAt } = now;
  if (end === undefined ? stop === undefined : end.cause !== "cancelled") throw hasEnded(now);
  const asked = startedAt === undefined
    ? "Took it out of the queue"
    : `Sent ${signal}; its sender is answered once it has ended`;
  return `${nameOf(now)} is cancelled. ${asked}`;
}

function readSignal(given: string): StopSignal {
  const name = given.toUpperCase().replace(/^(?!SIG)/, "SIG");
  const signal = STOP_SIGNALS.find((signal) => signal === name);
  if (signal !== undefined) return signal;
  throw new ConfigError(`--signal must be one of ${STOP_SIGNALS.join(", ")}, got ${quoted(given)}`);
}

function hasEnded(record: CommandRecord): ConfigError {
  const { end } = record;
  const how = end === undefined ? "its sender is about to be answered" : resultOf(end);
  return new ConfigError(`${nameOf(record)} has ended already: ${how}`);
}

/** Ends a running command, and leaves the reply to the next node. */
async function cancelWithoutNode(
  record: CommandRecord,
  request: CancelRequest,
  stateFolder: string,
): Promise<number> {
  if (record.state === "ended") throw hasEnded(record);
  const later = "No node runs: the next start answers its sender";
  const context = { host: await inspectHost(), clock: systemClock, logger: createLogger("cancel") };
  const { handle } = record;
  const folder = new WorkloadFolder(`${stateFolder}/workloads/${record.id}`);
  // The process of a worker or server may run other commands, so only a node can stop this one.
  const isOwnProcess = record.state === "running" && handle?.executor === PROCESS_EXECUTOR;
  const found = isOwnProcess ? await look(handle, folder, context) : undefined;
  // It ended without being stopped.
  if (found?.action === "collect") {
    throw new ConfigError(`${nameOf(record)} has ended already: the next start answers its sender`);
  }
  // First, so that a node that is started meanwhile finds it.
  const isSent = found?.action === "attach";
  await new LocalRequests(stateFolder).ask({ ...request, isSent });
  if (found?.action !== "attach") {
    const what = record.state === "queued" ? "will not run" : "is to be stopped";
    print(`${nameOf(record)} ${what}. ${later}`);
    return 0;
  }
  const target = { process: found.process, attempt: handle!.attempt };
  const { signal } = request;
  if (signal === "SIGKILL") await killAll(target, context);
  else await signalAll(target, signal, context, new AbortController().signal);
  const force = signal === "SIGKILL" ? "" : "; if it goes on, use --signal SIGKILL";
  print(`${nameOf(record)} is cancelled: sent ${signal} to process ${found.process.pid}${force}`);
  report(later);
  return 0;
}

/**
 * A workload that runs: watched until it ends, stopped when somebody asks for it.
 *
 * @module
 */
import { messageOf } from "../../errors.ts";
import type { ProcessIdentity, StopSignal } from "../../os/process_identity.ts";
import type { Logger } from "../../log.ts";
import type { Clock } from "../../time.ts";
import type { Exit, WorkloadFolder } from "../../workloads/folder.ts";
import { type Host, signalGroup, startTimes } from "../../os/processes.ts";
import { recover } from "./recovery.ts";

/** How often the exit file of a workload of an earlier node is looked for. */
const WATCH_INTERVAL_MS = 250;

/** How many of these looks pass before its process is looked at too, which costs a process. */
const LOOKS_PER_PROCESS_CHECK = 8;

/** What watching and signalling take. */
export interface WorkloadContext {
  readonly host: Host;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where what workloads print is shown. Default: `logger`. */
  readonly output?: Logger;
}

/**
 * Watches a workload that an earlier node started, and resolves with how it ended, or rejects with
 * the signal's reason.
 */
export async function watch(
  process: ProcessIdentity,
  folder: WorkloadFolder,
  { host, clock, logger }: WorkloadContext,
  signal: AbortSignal,
): Promise<Exit> {
  for (let look = 1;; look++) {
    await clock.sleep(WATCH_INTERVAL_MS, signal);
    const exitFile = folder.exitFile();
    if (typeof exitFile === "number") return { type: "exited", code: exitFile };
    if (look % LOOKS_PER_PROCESS_CHECK !== 0) continue;
    const startTime = await lookAt(process.pid, logger);
    // Whether it was to be stopped makes no difference to how it ended.
    const recovery = recover({ process, stop: undefined }, {
      bootId: host.bootId,
      startTime,
      exitFile: folder.exitFile(),
    });
    if (recovery.action === "collect") return recovery.exit;
    if (recovery.action === "requeue") return { type: "never_began" };
  }
}

/** The start time of the process that has this pid, if any; `"unknown"` when nobody can tell. */
export async function lookAt(
  pid: number,
  logger: Logger,
): Promise<string | undefined | "unknown"> {
  try {
    return (await startTimes([pid])).get(pid);
  } catch (error) {
    logger.warn(`Cannot look at process ${pid}: ${messageOf(error)}; taking it for alive`);
    return "unknown";
  }
}

/**
 * Ends a workload: `first`, then, when it has not ended within `graceMs`, SIGKILL. `escalate` is
 * called before that. Resolves when nothing is left to send; `ended` aborts when it has ended.
 */
export async function stopWorkload(
  process: ProcessIdentity,
  { first, graceMs, escalate }: { first: StopSignal; graceMs: number; escalate(): void },
  { host, clock, logger }: WorkloadContext,
  ended: AbortSignal,
): Promise<void> {
  try {
    await signalGroup(process, first, host);
    if (first === "SIGKILL") return;
    await clock.sleep(graceMs, ended);
    escalate();
    logger.warn(`Process ${process.pid} outlived ${first} by ${graceMs / 1000} s: sending SIGKILL`);
    await signalGroup(process, "SIGKILL", host);
  } catch (error) {
    if (!ended.aborted) {
      logger.error(`Cannot stop process ${process.pid}: ${messageOf(error)}`);
    }
  }
}

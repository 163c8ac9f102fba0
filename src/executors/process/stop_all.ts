/**
 * Ends all processes of a workload: those that its supervisor leads, and those that have left its
 * group and session.
 *
 * @module
 */
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { ProcessIdentity, StopSignal } from "../../os/process_identity.ts";
import { type Host, listProcesses, pipeHolders, signalProcesses } from "../../os/processes.ts";
import { type Clock, isAbort } from "../../time.ts";
import { membersOf } from "./members.ts";
import { ATTEMPT_VARIABLE, CLAIM_VARIABLE } from "./supervisor_script.ts";

/** A workload as its processes are found. */
export interface StopTarget {
  readonly process: ProcessIdentity;
  /** Its attempt; `""` for one of a node that marked no environments. */
  readonly attempt: string;
}

/** What workloads are stopped with. */
export interface StopContext {
  readonly host: Pick<Host, "bootId">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The processes of a workload that live. */
async function findMembers(
  { process, attempt }: StopTarget,
  { host }: StopContext,
): Promise<number[]> {
  // Nothing lives that was started before the machine was.
  if (process.bootId !== host.bootId) return [];
  const texts = attempt === ""
    ? []
    : [`${ATTEMPT_VARIABLE}=${attempt}`, `${CLAIM_VARIABLE}=${attempt}`];
  const { processes, holding: [marked = NONE, supervising = NONE] } = await listProcesses(texts);
  const holding = await pipeHolders([...supervising]);
  return membersOf(process, { processes, marked, supervising, holding });
}

const NONE: ReadonlySet<number> = new Set();

/** The waits for a workload that has started to appear in the process table; each look takes a few ms. */
const APPEARING_MS = [0, 0, 20, 50, 100, 200, 500];

/** Sends a signal to each process of a workload, as soon as there is any. */
export async function signalAll(
  target: StopTarget,
  signal: StopSignal,
  context: StopContext,
  ended: AbortSignal,
): Promise<void> {
  for (const wait of APPEARING_MS) {
    const members = await findMembers(target, context);
    if (members.length > 0 || ended.aborted) return await signalProcesses(members, signal);
    if (wait > 0) await context.clock.sleep(wait, ended);
  }
}

/** The waits between looks for what SIGKILL has left: 5 s altogether. */
const KILLING_MS = [0, 0, 0, 10, 20, 50, 100, 200, 400, 800, 1600, 1820];

/**
 * Kills all processes of a workload, also those that others start meanwhile.
 *
 * @returns those that still live.
 */
export async function killAll(target: StopTarget, context: StopContext): Promise<number[]> {
  let members: number[] = [];
  for (const wait of KILLING_MS) {
    members = await findMembers(target, context);
    if (members.length === 0) return [];
    await signalProcesses(members, "SIGKILL");
    if (wait > 0) await context.clock.sleep(wait);
  }
  return await findMembers(target, context);
}

/** How often the node checks whether all of a workload has ended. */
const LOOK_MS = 250;

/** Resolves when no process of a workload lives, or rejects with the signal's reason. */
export async function untilNoneLives(
  target: StopTarget,
  context: StopContext,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    try {
      if ((await findMembers(target, context)).length === 0) return;
    } catch (error) {
      if (isAbort(error, signal)) throw error;
      context.logger.warn(
        `Cannot look at the processes of a workload: ${messageOf(error)}; retrying`,
      );
    }
    await context.clock.sleep(LOOK_MS, signal);
  }
}

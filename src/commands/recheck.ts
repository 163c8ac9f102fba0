/**
 * Asks the platform whether it still wants what an earlier node has accepted.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { isAbort } from "../time.ts";
import { type Command, nameOf } from "./command.ts";

/** Where workloads are asked for. */
interface WorkloadDirectory {
  /** What the platform knows about a workload; `undefined` when it knows none such. */
  workload(
    uuid: string,
    signal?: AbortSignal,
  ): Promise<{ readonly status: string; readonly instanceUuid: string | undefined } | undefined>;
}

/** The statuses that are final. */
const FINAL = ["completed", "failed", "cancelled"];

/** What a recheck works with. */
interface RecheckOptions {
  readonly directory: WorkloadDirectory;
  /** Stops commands. */
  readonly runner: {
    cancel(command: Command, signal: "SIGTERM", cause: "withdrawn"): Promise<boolean>;
  };
  readonly logger: Logger;
}

/**
 * Stops those commands from before this start whose workloads the platform has ended, forgotten or
 * given to another instance than `own`, whether they run or wait. A command it cannot be asked
 * about goes on.
 */
export async function recheck(
  commands: readonly Command[],
  own: string,
  { directory, runner, logger }: RecheckOptions,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(commands.map(async (command) => {
    const { workloadUuid, instanceUuid } = command;
    if (workloadUuid === undefined) return;
    try {
      const known = await directory.workload(workloadUuid, signal);
      const why = reasonToStop(known, [own, instanceUuid]);
      if (why === undefined || signal.aborted) return;
      logger.warn(
        `Stopping ${nameOf(command)}, which is from before this start: the platform ${why}`,
      );
      await runner.cancel(command, "SIGTERM", "withdrawn");
    } catch (error) {
      if (isAbort(error, signal)) return;
      logger.warn(
        `Cannot ask the platform about ${nameOf(command)}: ${messageOf(error)}; it goes on`,
      );
    }
  }));
}

/** Why a workload is to be stopped; `undefined`: it is not. */
export function reasonToStop(
  known: { readonly status: string; readonly instanceUuid: string | undefined } | undefined,
  own: readonly string[],
): string | undefined {
  if (known === undefined) return "no longer knows it";
  if (FINAL.includes(known.status)) return `has it as ${known.status}`;
  if (known.instanceUuid !== undefined && !own.includes(known.instanceUuid)) {
    return "has given it to another node";
  }
  return undefined;
}

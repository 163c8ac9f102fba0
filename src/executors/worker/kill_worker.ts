/**
 * Ends all of a worker, also what its supervisor has left when that was killed.
 *
 * @module
 */
import { messageOf } from "../../errors.ts";
import type { ProcessIdentity } from "../../os/process_identity.ts";
import { listProcesses, signalProcesses } from "../../os/processes.ts";
import { killAll, type StopContext } from "../process/stop_all.ts";
import { CLAIM_VARIABLE } from "../process/supervisor_script.ts";

/** Kills all of the worker with this id and supervisor, but for that. Never rejects. */
export async function killWorker(
  supervisor: ProcessIdentity,
  id: string,
  context: StopContext,
): Promise<void> {
  const { logger } = context;
  try {
    const survivors = await killAll({ process: supervisor, attempt: id }, context);
    if (survivors.length === 0) return;
    logger.error(`Cannot end these processes of a worker: ${survivors.join(", ")}`);
  } catch (error) {
    logger.error(`Cannot kill a worker: ${messageOf(error)}`);
  }
}

/**
 * Kills what is left of a worker whose supervisor was killed: it would keep its model loaded, and work
 * on what is answered already. What the supervisor had started for itself goes, too. Never rejects.
 */
export async function killRest(
  supervisor: ProcessIdentity,
  id: string,
  context: StopContext,
): Promise<void> {
  await killWorker(supervisor, id, context);
  try {
    const { holding: [helpers = []] } = await listProcesses([`${CLAIM_VARIABLE}=${id}`]);
    await signalProcesses([...helpers], "SIGKILL");
  } catch (error) {
    context.logger.error(`Cannot kill what a worker has left: ${messageOf(error)}`);
  }
}

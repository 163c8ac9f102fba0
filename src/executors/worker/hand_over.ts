/**
 * Hands commands to a worker process.
 *
 * @module
 */
import { messageOf } from "../../errors.ts";
import type { Handle, Work } from "../executor.ts";
import { attemptOf, readAttempt } from "./recover_command.ts";
import { requestFor } from "./request.ts";
import type { WorkerExecution } from "./worker_execution.ts";
import type { WorkerProcess } from "./worker_process.ts";
import type { WorkerOptions } from "./worker_options.ts";

/** Names the attempt that hands a command to a worker process. */
export function handleFor(
  id: string,
  { id: worker, identity }: Pick<WorkerProcess, "id" | "identity">,
  { name, number, host: { bootId } }: Pick<WorkerOptions, "name" | "number" | "host">,
): Handle {
  const attempt = attemptOf(number, worker, id);
  return { executor: name, attempt, bootId, ...(identity && { process: identity }) };
}

/**
 * Sends a command to its worker. One that cannot be sent ends as not started; another worker may run it
 * if its own has ended meanwhile. Never throws.
 */
export function handOver(
  worker: WorkerProcess | undefined,
  work: Work,
  execution: WorkerExecution,
): void {
  if (worker === undefined || readAttempt(execution.handle.attempt).worker !== worker.id) {
    return execution.giveBack();
  }
  const { id } = work;
  const failed = (error: unknown) => {
    execution.end({ type: "not_started", why: `it cannot be handed over: ${messageOf(error)}` });
  };
  try {
    worker.send(requestFor(work), {
      writing: (pipe) => worker.handed.writing(id, pipe),
      written: () => {
        worker.handed.written();
        execution.begin();
      },
      failed,
    });
  } catch (error) {
    failed(error);
  }
}

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
import type { WorkerLife } from "./worker_life.ts";
import type { WorkerOptions } from "./worker_options.ts";

/** Names the attempt that hands a command to a worker process. */
export function handleFor(
  id: string,
  { id: life, process }: Pick<WorkerLife, "id" | "process">,
  { name, number, host: { bootId } }: Pick<WorkerOptions, "name" | "number" | "host">,
): Handle {
  const attempt = attemptOf(number, life, id);
  return { executor: name, attempt, bootId, ...(process && { process }) };
}

/**
 * Sends a command to its worker. One that cannot be sent ends as not started; another worker may run it
 * if its own has ended meanwhile. Never throws.
 */
export function handOver(
  life: WorkerLife | undefined,
  work: Work,
  execution: WorkerExecution,
): void {
  if (life === undefined || readAttempt(execution.handle.attempt).life !== life.id) {
    return execution.giveBack();
  }
  const { id } = work;
  const failed = (error: unknown) => {
    execution.end({ type: "not_started", why: `it cannot be handed over: ${messageOf(error)}` });
  };
  try {
    life.send(requestFor(work), {
      writing: (pipe) => life.handed.writing(id, pipe),
      written: () => {
        life.handed.written();
        execution.begin();
      },
      failed,
    });
  } catch (error) {
    failed(error);
  }
}

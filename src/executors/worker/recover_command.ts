/**
 * What happened to a command that an earlier node started.
 *
 * @module
 */
import type { Handle, Recovered } from "../executor.ts";
import type { WorkerAnswer } from "./commands_in_hand.ts";
import type { EarlierWorker } from "./earlier_worker.ts";
import type { WorkerExecution } from "./worker_execution.ts";

/** What finding out takes. */
interface RecoverParts {
  readonly bootId: string;
  /** The worker of the earlier node. */
  readonly earlier: EarlierWorker | undefined;
  /** The answer that it has given, if it has. */
  takeAnswer(id: string): WorkerAnswer | undefined;
  /** Puts the command into the worker's hands again. */
  execution(id: string): WorkerExecution;
  /** Ends the worker: it may have a command that is answered as lost. */
  endWorker(why: string): void;
}

/** Names an attempt to have a command run by a worker. */
export function attemptOf(number: number, worker: string, id: string): string {
  return `${number}/${worker}/${id}`;
}

/** What an attempt names. */
export function readAttempt(attempt: string): { number: number; worker: string; id: string } {
  const [number, worker = "", id = ""] = attempt.split("/");
  return { number: Number(number), worker, id };
}

/** Finds it out. Only what was certainly not handed over is ever started again. */
export async function recoverCommand(handle: Handle, parts: RecoverParts): Promise<Recovered> {
  const { bootId, earlier } = parts;
  const { worker, id } = readAttempt(handle.attempt);
  if (handle.bootId !== bootId || bootId === "") return lost("the machine was restarted");
  if (earlier?.id !== worker) return lost("its worker is not there any more");
  const answer = parts.takeAnswer(id);
  const handing = earlier.handing(id);
  if (answer === undefined && handing === "no") return { type: "not_started" };
  const execution = parts.execution(id);
  if (earlier.end === undefined && (answer !== undefined || handing === "yes")) {
    execution.begin();
    // It counts as running until its end is stored, as for every command of a worker that lives.
    if (answer !== undefined) execution.answer(answer);
    return { type: "running", execution };
  }
  if (answer !== undefined) execution.answer(answer);
  else if (earlier.end !== undefined) execution.fail(earlier.end);
  else {
    // The node ended at that very moment. The worker may have it, and must not go on with it.
    parts.endWorker("an earlier node ended while it handed a command over");
    execution.end({ type: "lost", why: "the node ended while it handed it over" });
  }
  return { type: "ended", exit: await execution.exit };
}

function lost(why: string): Recovered {
  return { type: "ended", exit: { type: "lost", why } };
}

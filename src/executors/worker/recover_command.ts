/**
 * What happened to a command that an earlier node started.
 *
 * @module
 */
import type { Handle, Recovered } from "../executor.ts";
import type { WorkerAnswer } from "./commands_in_hand.ts";
import type { Past } from "./past.ts";
import type { WorkerExecution } from "./worker_execution.ts";

/** What finding out takes. */
interface RecoverParts {
  readonly bootId: string;
  /** The worker of the earlier node. */
  readonly past: Past | undefined;
  /** The answer that it has given, if it has. */
  takeAnswer(id: string): WorkerAnswer | undefined;
  /** Puts the command into the worker's hands again. */
  execution(id: string): WorkerExecution;
  /** Ends the worker: it may have a command that is answered as lost. */
  endWorker(why: string): void;
}

/** Names an attempt to have a command run by a worker. */
export function attemptOf(number: number, life: string, id: string): string {
  return `${number}/${life}/${id}`;
}

/** What an attempt names. */
export function readAttempt(attempt: string): { number: number; life: string; id: string } {
  const [number, life = "", id = ""] = attempt.split("/");
  return { number: Number(number), life, id };
}

/** Finds it out. Only what was certainly not handed over is ever started again. */
export async function recoverCommand(handle: Handle, parts: RecoverParts): Promise<Recovered> {
  const { bootId, past } = parts;
  const { life, id } = readAttempt(handle.attempt);
  if (handle.bootId !== bootId || bootId === "") return lost("the machine was restarted");
  if (past?.life !== life) return lost("its worker is not there any more");
  const answer = parts.takeAnswer(id);
  const handing = past.handing(id);
  if (answer === undefined && handing === "no") return { type: "not_started" };
  const execution = parts.execution(id);
  if (past.end === undefined && (answer !== undefined || handing === "yes")) {
    execution.begin();
    // It counts as running until its end is stored, as for every command of a worker that lives.
    if (answer !== undefined) execution.answer(answer);
    return { type: "running", execution };
  }
  if (answer !== undefined) execution.answer(answer);
  else if (past.end !== undefined) execution.fail(past.end);
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

/**
 * Starts a worker process, follows one of an earlier node, and asks one to leave.
 *
 * @module
 */
import type { Clock } from "../../time.ts";
import type { Past } from "./past.ts";
import { makeFolder } from "./worker_files.ts";
import { WorkerLife } from "./worker_life.ts";
import {
  fingerprintOf,
  type LifeListener,
  lifeOptionsOf,
  type WorkerOptions,
} from "./worker_options.ts";

/** How often a worker that is to leave is asked to, until it has. */
const ASKING_MS = 1_000;

/** Starts one. Throws when that cannot be done. */
export function startLife(options: WorkerOptions, listener: LifeListener): WorkerLife {
  const { folder, files, host: { bootId }, gpus: { names } } = options;
  const life = {
    ...{ id: crypto.randomUUID(), bootId, program: fingerprintOf(options) },
    gpus: names,
  };
  makeFolder(folder, files, life);
  return WorkerLife.start(life.id, lifeOptionsOf(options), listener);
}

/** Follows one that an earlier node has left. */
export function attachLife(
  { life, process }: Past & Required<Pick<Past, "process">>,
  options: WorkerOptions,
  listener: LifeListener,
): WorkerLife {
  return WorkerLife.attach(life, process, lifeOptionsOf(options), listener);
}

/** Asks what is leaving to finish what it has in hand and to end, until nothing is or `signal` aborts. */
export async function askToLeave(
  leaving: () => WorkerLife | undefined,
  clock: Pick<Clock, "sleep">,
  signal: AbortSignal,
): Promise<void> {
  for (let life = leaving(); life !== undefined && !signal.aborted; life = leaving()) {
    life.end();
    await clock.sleep(ASKING_MS, signal).catch(() => {});
  }
}

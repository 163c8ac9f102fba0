/**
 * Recovers what an earlier node left: each command continues where that node left it.
 *
 * @module
 */
import { counted, messageOf } from "../errors.ts";
import type { Executor, Recovered } from "../executors/executor.ts";
import type { Journal } from "../journal/journal.ts";
import type { CommandRecord } from "../journal/record.ts";
import { commitUntilStored } from "../journal/until_stored.ts";
import type { Logger } from "../log.ts";
import type { Clock } from "../time.ts";
import type { WorkloadFolder } from "../workloads/folder.ts";
import { fieldsOf, nameOf } from "./command.ts";
import type { CommandQueue } from "./queue.ts";
import type { CommandRunner } from "./run.ts";

/** What recovery works with. */
interface RecoveryParts {
  readonly journal: Journal;
  readonly queue: CommandQueue;
  readonly runner: CommandRunner;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The executor that made a handle; `undefined`: there is none of that name any more. */
  executorNamed(name: string): Executor | undefined;
  folderOf(id: string): WorkloadFolder;
}

/** Recovers what is queued and what was started; nothing starts before the runner is opened. */
export async function recover(parts: RecoveryParts, signal: AbortSignal): Promise<void> {
  const { journal, queue, logger } = parts;
  const records = journal.unfinished();
  const found = await Promise.all(records.map((record) => find(record, parts)));
  for (const [index, record] of records.entries()) {
    await enter(record, found[index], parts, signal);
  }
  parts.runner.recovered();
  const waiting = queue.waiting().length;
  if (waiting > 0) {
    logger.info(`${counted(waiting, "command")} of before this start still to be run`);
  }
}

/** What happened to the attempt to run a command. */
async function find(record: CommandRecord, parts: RecoveryParts): Promise<Recovered> {
  const { handle } = record;
  if (record.state === "queued") return { type: "not_started" };
  const executor = handle && parts.executorNamed(handle.executor);
  if (executor === undefined) {
    const why = `nothing here knows how ${JSON.stringify(handle?.executor ?? "")} ran it`;
    return { type: "ended", exit: { type: "lost", why } };
  }
  try {
    return await executor.recover(handle!, parts.folderOf(record.id));
  } catch (error) {
    // One command that cannot be found again must not stop the recovery of the others.
    return { type: "ended", exit: { type: "lost", why: messageOf(error) } };
  }
}

async function enter(
  record: CommandRecord,
  recovered: Recovered,
  parts: RecoveryParts,
  signal: AbortSignal,
): Promise<void> {
  const { journal, queue, runner, logger } = parts;
  const { startedAt = record.acceptedAt, stop } = record;
  switch (recovered.type) {
    case "running": {
      const { execution } = recovered;
      const pid = execution.pid ?? execution.sharedPid;
      const as = pid === undefined ? "" : ` as process ${pid}`;
      logger.info(`${nameOf(record)} still runs${as}`, { ...fieldsOf(record), pid });
      return runner.track(runner.supervise(runner.resume(record, startedAt), execution));
    }
    case "ended": {
      logger.info(`${nameOf(record)} ended while there was no node`, fieldsOf(record));
      const run = runner.resume(record, startedAt, recovered.resources);
      return runner.track(runner.end(run, recovered.exit));
    }
    case "not_started": {
      if (stop !== undefined) {
        const exit = { type: "not_started", why: "the node stopped before" } as const;
        return runner.track(runner.end(runner.resume(record, startedAt), exit));
      }
      if (record.state === "queued") return queue.add(record);
      queue.forgo(record);
      const what = `that ${nameOf(record)} did not start`;
      await commitUntilStored(what, parts, signal, () => journal.requeue(record.id));
      return queue.add(record);
    }
  }
}

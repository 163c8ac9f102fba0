/**
 * What is stored and reported when a command runs.
 *
 * @module
 */
import type { Execution } from "../executors/executor.ts";
import { commitUntilStored } from "../journal/until_stored.ts";
import { orAbort } from "../time.ts";
import { fieldsOf, infoOf, nameOf } from "./command.ts";
import { secondsQueued } from "./command_id.ts";
import type { CommandRunnerParts, Run } from "./runner_parts.ts";

/** Stores which process runs a command, and reports that it runs. Resolves also when it never does. */
export async function recordStart(
  { command, startedAt, stop, isResumed, gpus }: Run,
  execution: Execution,
  parts: CommandRunnerParts,
): Promise<void> {
  if (isResumed && !execution.startsLater) return;
  const { journal, outbox, platformStatus, events, logger } = parts;
  const handle = await orAbort(execution.started, stop.over);
  if (handle === undefined) return;
  const { sharedPid } = execution;
  const pid = sharedPid === undefined ? handle.process?.pid ?? execution.pid : undefined;
  const what = `the start of ${nameOf(command)}`;
  const statuses = platformStatus.started(command, pid);
  const isStored = handle === execution.handle && statuses.length === 0;
  // Until then the supervisor's claim names the process.
  const soon = { ...parts, journal: journal.soon };
  const stored = isStored ? [] : await commitUntilStored(what, soon, stop.over, () => {
    journal.running(command.id, { ...handle, gpus });
    return statuses.map((status) => journal.messages.post(status));
  });
  const as = pid === undefined ? "" : ` as process ${pid}`;
  logger.info(`${nameOf(command)} started${as}`, { ...fieldsOf(command), pid });
  const queuedSeconds = secondsQueued(command.id, startedAt);
  events.emit("started", { command: infoOf(command), pid, queuedSeconds });
  outbox.send(stored ?? []);
}

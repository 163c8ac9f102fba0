/**
 * Stopping a node: it disconnects from the broker first, so that no command comes that it would
 * have to refuse.
 *
 * @module
 */
import { fieldsOf, nameOf } from "../commands/command.ts";
import { counted, messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { orAbort, within } from "../time.ts";
import { reportTerminated } from "../registration/report_end.ts";
import type { NodeParts } from "./parts.ts";

/** What a node is stopped with. */
interface ShutdownOptions {
  /** How long sending and reporting may take, in milliseconds. */
  readonly limitMs: number;
  /** Whether work goes on without the node, which is then logged. */
  readonly leavesWork: boolean;
  /** Ends the connection to the broker; resolves when it is closed. */
  leaveBroker(): Promise<void>;
  /** Interrupts everything else; resolves when it has ended. */
  endRest(): Promise<void>;
  readonly logger: Logger;
}

/** How long the last log lines may take, so that time is left to report the stop to the backend. */
const LAST_LOGS_MS = 2_000;

/** How long what was interrupted may take to end: a node that stops must not hang. */
const ENDING_MS = 1_000;

/** Stops all parts of a node, whatever fails on the way. The next start finds what is left. */
export async function shutDown(parts: NodeParts, options: ShutdownOptions): Promise<void> {
  const { runner, uploads, clock } = parts;
  const { limitMs, endRest, logger } = options;
  await within(limitMs, clock, (deadline) => sayLast(parts, options, deadline));
  const ended = Promise.all([runner.leave(), uploads.leave(), endRest()]);
  await within(ENDING_MS, clock, async (tooLate) => {
    if (await orAbort(ended, tooLate) === undefined) {
      logger.error("Stopped before all tasks had ended");
    }
  });
}

/** Sends and reports as much as possible before `deadline` aborts. Never rejects. */
async function sayLast(
  parts: NodeParts,
  { leavesWork, leaveBroker, logger }: ShutdownOptions,
  deadline: AbortSignal,
): Promise<void> {
  const { connection, pool, outbox, logStream, identity, backend, clock } = parts;
  const steps: (() => Promise<unknown>)[] = [
    () => Promise.resolve(pool?.leave(deadline, 0)),
    async () => {
      // What comes now is neither taken nor refused: it stays with the broker for the next start.
      await orAbort(connection.stopReceiving(), deadline);
      // What the broker refuses is not tried again.
      if (connection.connected) await outbox.drained(deadline, 0);
    },
    () => orAbort(leaveBroker(), deadline),
    () => Promise.resolve(leavesWork && reportLeft(parts, logger)),
    async () =>
      await within(LAST_LOGS_MS, clock, async (tooLate) => {
        await logStream?.send(AbortSignal.any([tooLate, deadline]));
      }),
    async () => {
      if (identity.current === undefined) return;
      await reportTerminated(identity.current, { api: backend, clock, logger }, deadline);
    },
  ];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      logger.error(`Stopping failed in part: ${messageOf(error)}`);
    }
  }
}

/** Logs what goes on without the node, and what waits for the next start. */
function reportLeft({ runner, queue, uploads, folderOf }: NodeParts, logger: Logger): void {
  for (const { command, execution } of runner.runs()) {
    const { pid, endsWithNode = false } = execution ?? {};
    const fields = { ...fieldsOf(command), pid };
    if (endsWithNode) {
      logger.warn(
        `${nameOf(command)} is lost: only this node could have received its answer`,
        fields,
      );
      continue;
    }
    const where = folderOf(command.id).path;
    const as = pid === undefined ? "" : ` as process ${pid}`;
    logger.info(`${nameOf(command)} goes on${as}; its files are in ${where}`, fields);
  }
  const waiting = queue.waiting().length;
  if (waiting > 0) logger.info(`${counted(waiting, "command")} left to the next start`);
  const sending = uploads.commands().length;
  if (sending > 0) logger.info(`${counted(sending, "upload")} of results left to the next start`);
}

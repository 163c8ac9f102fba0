/**
 * What a node still does when it ends.
 *
 * @module
 */
import type { Assembly } from "./parts.ts";
import type { Logger } from "../log.ts";
import { reportTerminated } from "../registration/report_end.ts";
import { within } from "../time.ts";
import { nameOf } from "../executors/process/running.ts";

/** How long a node that ends at once may take to send its last log lines. */
const LAST_LOGS_MS = 2_000;

/** Delivers what can be delivered within `stopTimeout` seconds, and tells what is left and to whom. */
export async function shutDown(
  parts: Assembly,
  stopTimeout: number,
  logger: Logger,
): Promise<void> {
  const { intake, scheduler, connection, outbox, logStream, identity, api, clock } = parts;
  const stopMs = stopTimeout * 1000;
  const deadline = clock.monotonic() + stopMs;
  intake.close();
  if (connection.connected) {
    // The broker has had its chance with what it refuses.
    await within(stopMs, clock, async (tooLate) => void await outbox.drained(tooLate, 0));
  }
  for (const { command, process, folder } of scheduler.running()) {
    logger.info(
      `${nameOf(command)} goes on as process ${process.pid}; its files are in ${folder.path}`,
    );
  }
  if (scheduler.queued > 0) logger.info(`${scheduler.queued} commands wait for the next start`);
  if (scheduler.uploading > 0) {
    logger.info(`${scheduler.uploading} uploads of results go on at the next start`);
  }
  await within(Math.min(stopMs, LAST_LOGS_MS), clock, async (tooLate) => {
    await logStream?.send(tooLate);
  });
  if (identity !== undefined) {
    const left = Math.max(0, deadline - clock.monotonic());
    await within(
      left,
      clock,
      async (tooLate) => await reportTerminated(identity, { api, clock, logger }, tooLate),
    );
  }
}

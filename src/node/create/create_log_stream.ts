/**
 * What sends logs to the platform.
 *
 * @module
 */
import type { Backend } from "../../backend/backend.ts";
import { nameOf } from "../../commands/command.ts";
import type { Settings } from "../../config/config.ts";
import type { Journal } from "../../journal/journal.ts";
import type { Logger } from "../../log.ts";
import type { LineBuffer } from "../../logs/line_buffer.ts";
import { LogStream } from "../../logs/log_stream.ts";
import { WorkloadOutput } from "../../logs/workload_output.ts";
import type { Clock } from "../../time.ts";
import type { CommandParts } from "./command_parts.ts";
import type { CurrentIdentity } from "../current_identity.ts";

/** What decides whether logs are sent, and the lines of the node. */
interface LogStreamOptions {
  readonly settings: Pick<Settings, "logStreamInterval">;
  readonly lines: LineBuffer;
  readonly localLoggerFor: (component: string) => Logger;
}

/** What logs are sent with. */
interface LogStreamParts {
  readonly api: Backend;
  readonly journal: Journal;
  readonly identity: CurrentIdentity;
  readonly clock: Clock;
  readonly commands: Pick<CommandParts, "folderOf" | "runner">;
}

/** Makes the log stream; `undefined` when no logs are to be sent. */
export function createLogStream(
  { settings, lines, localLoggerFor }: LogStreamOptions,
  { api, journal, identity, clock, commands: { folderOf, runner } }: LogStreamParts,
): LogStream | undefined {
  if (settings.logStreamInterval === 0) return undefined;
  // Not streamed: a failed upload would log a line that is uploaded in turn.
  const logger = localLoggerFor("logs");
  return new LogStream({
    api,
    identity: () => identity.registered,
    output: new WorkloadOutput({
      store: journal.logPositions,
      fileOf: (id, stream) => folderOf(id).outputFile(stream),
      smallOf: (id) => runner.outputOf(id) ?? journal.outputs.of(id),
      nameOf,
      logger,
    }),
    lines,
    intervalMs: settings.logStreamInterval * 1000,
    clock,
    logger,
  });
}

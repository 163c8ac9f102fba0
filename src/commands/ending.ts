/**
 * What is stored and sent when a command has ended.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Execution } from "../executors/executor.ts";
import type { Message } from "../journal/messages.ts";
import type { End } from "../journal/record.ts";
import type { ResultFile } from "../journal/result_files.ts";
import type { Resources } from "../protocol/resources.ts";
import type { Logger } from "../log.ts";
import { WorkloadFolder } from "../workloads/folder.ts";
import { excerptOf } from "../workloads/output.ts";
import { type Command, fieldsOf, nameOf } from "./command.ts";
import { type Outcome, unreadable } from "./outcome.ts";
import type { PlatformStatus } from "./platform_status.ts";
import { replyTo } from "./reply.ts";
import type { Uploads } from "./uploads.ts";

/** The end of a command, ready to be stored and sent. */
interface Ending {
  readonly outcome: Outcome;
  readonly end: End;
  readonly reply: Message;
  readonly statuses: readonly Message[];
  /** The result files that are to be sent. */
  readonly files: readonly ResultFile[];
}

/** What an ending is made with. */
interface EndingParts {
  readonly settings: { readonly maxOutput: number };
  readonly uploads: Uploads;
  readonly platformStatus: PlatformStatus;
  readonly logger: Logger;
  folderOf(id: string): WorkloadFolder;
}

/** How many bytes at the end of standard error the platform gets at most. */
const STDERR_BYTES = 16 * 1024;

/** The execution of a command, if there was one, or what it used if it ended without a node. */
interface Ran {
  readonly execution: Pick<Execution, "pid" | "resources"> | undefined;
  readonly used: Resources | undefined;
}

/** Makes the ending of a command. Never rejects: what cannot be read is named in the reply. */
export async function endingOf(
  command: Command,
  outcome: Outcome,
  { execution, used }: Ran,
  parts: EndingParts,
): Promise<Ending> {
  const { pid, resources = used } = execution ?? {};
  if (resources !== undefined) outcome = { ...outcome, end: { ...outcome.end, resources } };
  try {
    return await readEnding(command, outcome, pid, parts);
  } catch (error) {
    const { folderOf, settings, platformStatus, logger } = parts;
    logger.error(
      `Cannot read what ${nameOf(command)} left: ${messageOf(error)}`,
      fieldsOf(command),
    );
    const unread = unreadable(outcome, messageOf(error));
    return {
      outcome: unread,
      end: { ...unread.end, bytes: 0 },
      reply: replyTo(command, unread, folderOf(command.id), settings.maxOutput),
      statuses: platformStatus.ended(command, unread, pid, () => ""),
      files: [],
    };
  }
}

async function readEnding(
  command: Command,
  outcome: Outcome,
  pid: number | undefined,
  { folderOf, settings, uploads, platformStatus }: EndingParts,
): Promise<Ending> {
  const folder = new WorkloadFolder(folderOf(command.id).path, outcome.output);
  const files = await uploads.take(command, outcome);
  const stderr = () => excerptOf(folder, "stderr", STDERR_BYTES).text;
  return {
    outcome,
    end: { ...outcome.end, ...folder.usage() },
    reply: replyTo(command, outcome, folder, settings.maxOutput),
    statuses: files.length > 0
      ? platformStatus.finalizing(command, files.length)
      : platformStatus.ended(command, outcome, pid, stderr),
    files,
  };
}

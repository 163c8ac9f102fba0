/**
 * Reports as an event that the broker has the reply to a command.
 *
 * @module
 */
import { infoOf } from "../commands/command.ts";
import { messageOf } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import type { Pending } from "../journal/messages.ts";
import type { Logger } from "../log.ts";
import type { NodeEvents } from "./events.ts";

/** What replies are reported with. */
interface RepliedParts {
  readonly journal: Pick<Journal, "find">;
  readonly events: Pick<NodeEvents, "emit" | "isHeard">;
  readonly logger: Logger;
}

/** Takes the messages that were delivered. Copies for requesters are not reported. */
export function reportReplied(
  { journal, events, logger }: RepliedParts,
): (message: Pending) => void {
  return ({ commandId, topic }) => {
    // Looking up the command costs something, so that is done only for listeners.
    if (commandId === undefined || !events.isHeard("replied")) return;
    try {
      const command = journal.find(commandId);
      if (command?.replyTopic === topic) events.emit("replied", { command: infoOf(command) });
    } catch (error) {
      logger.warn(`Cannot report that a reply was delivered: ${messageOf(error)}`);
    }
  };
}

/**
 * The outbox of a node.
 *
 * @module
 */
import type { Journal } from "../../journal/journal.ts";
import type { Logger } from "../../log.ts";
import type { MqttConnection } from "../../mqtt/connection.ts";
import { Outbox } from "../../outbox/outbox.ts";
import { isForeignTopic } from "../../protocol/topics.ts";
import type { Clock } from "../../time.ts";
import type { NodeEvents } from "../events.ts";
import { isStatusTopic, publisherOver, type StatusRequest } from "../publisher.ts";
import { reportReplied } from "../replied.ts";

/** What the outbox is made from. */
interface OutboxOptions {
  readonly events: NodeEvents;
  readonly loggerFor: (component: string) => Logger;
}

/** The parts that the outbox works with. */
interface OutboxParts {
  readonly journal: Journal;
  readonly connection: MqttConnection;
  readonly request: StatusRequest;
  readonly clock: Clock;
}

/** Makes the outbox. */
export function createOutbox(
  { events, loggerFor }: OutboxOptions,
  { journal, connection, request, clock }: OutboxParts,
): Outbox {
  const logger = loggerFor("outbox");
  return new Outbox({
    store: journal.messages,
    publisher: publisherOver(connection, request),
    inOrder: isStatusTopic,
    mayBeRefused: isForeignTopic,
    onDelivered: reportReplied({ journal, events, logger }),
    clock,
    logger,
  });
}

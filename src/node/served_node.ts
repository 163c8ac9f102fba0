/**
 * A running node, as those see it who show it to others.
 *
 * @module
 */
import type { Logger } from "../log.ts";
import type { Clock } from "../time.ts";
import type { NodeEvents } from "./events.ts";
import { type NodeSnapshot, snapshotOf, type SnapshotParts } from "./snapshot.ts";

/** A running node. */
export interface ServedNode {
  readonly events: Pick<NodeEvents, "on">;
  readonly clock: Clock;
  readonly logger: Logger;
  snapshot(): NodeSnapshot;
}

/** What is shown of the node that has these parts. */
export function servedNode(
  parts: SnapshotParts & Pick<ServedNode, "events" | "clock">,
  logger: Logger,
): ServedNode {
  const { events, clock } = parts;
  return { events, clock, logger, snapshot: () => snapshotOf(parts) };
}

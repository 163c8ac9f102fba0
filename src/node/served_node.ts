/**
 * A running node, as those see it who show it to others.
 *
 * @module
 */
import type { CommandCanceller } from "../commands/canceller.ts";
import type { Logger } from "../log.ts";
import type { StopSignal } from "../os/process_identity.ts";
import type { Clock } from "../time.ts";
import type { NodeEvents } from "./events.ts";
import { type NodeSnapshot, snapshotOf, type SnapshotParts } from "./snapshot.ts";

/** A running node. */
export interface ServedNode {
  readonly events: Pick<NodeEvents, "on">;
  readonly clock: Clock;
  readonly logger: Logger;
  snapshot(): NodeSnapshot;
  /** Stops a command; resolves once that is on disk, with whether there was one to stop. */
  cancel(id: string, signal: StopSignal): Promise<boolean>;
  /** Takes no new commands, and stops when all is done. */
  drain(): void;
}

/** What is shown of the node that has these parts. */
export function servedNode(
  parts: SnapshotParts & Pick<ServedNode, "events" | "clock"> & {
    readonly canceller: Pick<CommandCanceller, "cancelById">;
  },
  logger: Logger,
  drain: () => void,
): ServedNode {
  const { events, clock, canceller } = parts;
  return {
    ...{ events, clock, logger, drain },
    snapshot: () => snapshotOf(parts),
    cancel: (id, signal) => canceller.cancelById(id, signal),
  };
}

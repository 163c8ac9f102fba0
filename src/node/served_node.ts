/**
 * A running node, as the HTTP server sees it.
 *
 * @module
 */
import type { CommandCanceller } from "../commands/canceller.ts";
import type { Submitted } from "../commands/submit.ts";
import type { Settings } from "../config/config.ts";
import type { Logger } from "../log.ts";
import type { StopSignal } from "../os/process_identity.ts";
import type { Clock } from "../time.ts";
import type { CommandParts } from "./create/command_parts.ts";
import type { NodeEvents } from "./events.ts";
import { type NodeSnapshot, snapshotOf, type SnapshotParts } from "./snapshot.ts";

/** A running node. */
export interface ServedNode {
  readonly events: Pick<NodeEvents, "on">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How many bytes a command may have. */
  readonly maxCommandSize: number;
  snapshot(): NodeSnapshot;
  /**
   * Takes a command, as it would stand in a message. Resolves when it is on disk; rejects when it
   * cannot be stored, or the node is not registered.
   */
  submit(
    command: Uint8Array,
    userProperties?: Readonly<Record<string, unknown>>,
  ): Promise<Submitted>;
  /** Stops a command; resolves once that is on disk, with whether there was one to stop. */
  cancel(id: string, signal: StopSignal): Promise<boolean>;
  /** Takes no new commands, and stops when all is done. */
  drain(): void;
}

/** What is shown of the node that has these parts. */
export function servedNode(
  parts: SnapshotParts & Pick<ServedNode, "events" | "clock"> & {
    readonly canceller: Pick<CommandCanceller, "cancelById">;
    readonly submit: CommandParts["submit"];
    readonly settings: Pick<Settings, "maxCommandSize">;
  },
  logger: Logger,
  drain: () => void,
): ServedNode {
  const { events, clock, canceller, submit, settings: { maxCommandSize } } = parts;
  return {
    ...{ events, clock, logger, drain, submit, maxCommandSize },
    snapshot: () => snapshotOf(parts),
    cancel: (id, signal) => canceller.cancelById(id, signal),
  };
}

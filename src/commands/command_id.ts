/**
 * The node's own ids for commands.
 *
 * @module
 */
import { decodeTime } from "@std/ulid/decode-time";
import { monotonicUlid } from "@std/ulid/monotonic-ulid";

/** A ULID in lower case: sorts by time, is unique within a millisecond, and names a folder. */
export function newCommandId(now: number): string {
  return monotonicUlid(now).toLowerCase();
}

/** How long a command with this id waited that was started at `startedAt`. */
export function secondsQueued(id: string, startedAt: number): number {
  return Math.max(0, startedAt - decodeTime(id.toUpperCase())) / 1000;
}

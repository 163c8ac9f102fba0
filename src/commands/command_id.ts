/**
 * The node's own ids for commands.
 *
 * @module
 */
import { monotonicUlid } from "@std/ulid/monotonic-ulid";

/** A ULID in lower case: sorts by time, is unique within a millisecond, and names a folder. */
export function newCommandId(now: number): string {
  return monotonicUlid(now).toLowerCase();
}

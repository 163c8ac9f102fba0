/**
 * The node's own ids for commands.
 *
 * @module
 */

/** A short id that sorts by time, is safe in a path and easy to type. */
export function newCommandId(now: number): string {
  const random = crypto.getRandomValues(new Uint8Array(3));
  return now.toString(36) + [...random].map((byte) => byte.toString(36).padStart(2, "0")).join("");
}

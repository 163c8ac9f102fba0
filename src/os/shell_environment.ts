/**
 * The environment of shells that do the node's own work.
 *
 * @module
 */
import { readEnvironment } from "../permissions.ts";

/** A minimal environment: nothing in it changes what these shells do. */
export function shellEnvironment(): Record<string, string> {
  const { PATH } = readEnvironment();
  return { LC_ALL: "C", ...(PATH !== undefined && { PATH }) };
}

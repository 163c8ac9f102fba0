/**
 * The token in the places where settings come from.
 *
 * @module
 */
import { type LoadOptions, readToken } from "../config/load.ts";
import type { TokenSource } from "./token.ts";

/** Reads the token as a node does that starts with these options. Other settings do not matter. */
export function tokensIn(options: LoadOptions): TokenSource {
  return { read: () => readToken(options) };
}

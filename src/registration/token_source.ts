/**
 * The token in the places where settings come from.
 *
 * @module
 */
import { examineSettings, type LoadOptions } from "../config/load.ts";
import type { TokenSource } from "./token.ts";

/**
 * Reads the token as a node does that starts with these options. Whatever else is wrong there by now
 * is no matter.
 */
export function tokensIn(options: LoadOptions): TokenSource {
  return {
    async read() {
      const { settings: { token }, sources } = await examineSettings(options);
      return token === undefined ? undefined : { token, source: sources.get("token") };
    },
  };
}

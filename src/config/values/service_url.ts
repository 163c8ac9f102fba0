/**
 * The address of something that is spoken to over HTTP.
 *
 * @module
 */
import { refuse, type ValueType } from "./value_type.ts";

/** An address, as it is. */
export const endpoint: ValueType<string> = {
  parse(value) {
    const url = typeof value === "string" ? URL.parse(value.trim()) : null;
    const isRight = url !== null && /^https?:$/.test(url.protocol) && url.hash === "" &&
      url.username + url.password === "" && !/[\s\\]/.test((value as string).trim());
    // What stands before an @ is a password, so a wrong URL is not repeated.
    const isShown = typeof value !== "string" || !value.includes("@");
    if (!isRight) {
      return isShown
        ? refuse("an http:// or https:// URL", value)
        : { problem: "must be an http:// or https:// URL without a user name" };
    }
    return { value: url.href };
  },
  format: String,
};

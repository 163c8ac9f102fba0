/**
 * What may stand in a topic or a URL.
 *
 * @module
 */

/** Control characters and the code points that Unicode reserves: MQTT lets a broker hang up on them. */
const FORBIDDEN = /[\p{Cc}\p{Noncharacter_Code_Point}]/u;

/** Whether MQTT allows `text` in a topic, a user name or a client id. */
export function isMqttText(text: string): boolean {
  return text.isWellFormed() && !FORBIDDEN.test(text);
}

/** Why `value` cannot be a slug or UUID in a topic and a URL; `undefined` when it can. */
export function identifierProblem(value: unknown): string | undefined {
  if (typeof value !== "string") return "must be a string";
  if (value === "") return "must not be empty";
  if (value.length > 200) return "must be at most 200 characters";
  // MQTT reserves + # and /; `.` and `..` would walk up a URL path.
  if (value === "." || value === "..") return 'must not be "." or ".."';
  if (/[+#/\\?\s]/.test(value) || !isMqttText(value)) {
    return "must not hold +, #, /, \\, ?, white space, control characters or noncharacters";
  }
  return undefined;
}

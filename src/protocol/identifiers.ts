/**
 * What may stand in a topic or a URL.
 *
 * @module
 */

/** Why `value` cannot be a slug or UUID in a topic and a URL; `undefined` when it can. */
export function identifierProblem(value: unknown): string | undefined {
  if (typeof value !== "string") return "must be a string";
  if (value === "") return "must not be empty";
  if (value.length > 200) return "must be at most 200 characters";
  // MQTT reserves + # / and NUL; `.` and `..` would walk up a URL path.
  if (value === "." || value === "..") return 'must not be "." or ".."';
  // deno-lint-ignore no-control-regex
  if (/[+#/\\?\s\x00-\x1f\x7f]/.test(value) || !value.isWellFormed()) {
    return "must not hold +, #, /, \\, ?, white space or control characters";
  }
  return undefined;
}

/** Whether `value` may stand in a topic and a URL. */
export function isIdentifier(value: unknown): value is string {
  return identifierProblem(value) === undefined;
}

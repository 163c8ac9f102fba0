/**
 * Text in XML. Pure.
 *
 * @module
 */
import { ConfigError, quoted } from "../errors.ts";

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

/**
 * `text` as the content of an element.
 *
 * @throws {ConfigError} if XML has no way to say it
 */
export function escapeXml(text: string): string {
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x1f\ufffe\uffff]|\p{Surrogate}/u.test(text)) {
    throw new ConfigError(`Cannot describe a service with ${quoted(text)} in it`, {
      hint: "Control characters cannot be written in its file: rename what has them in its name",
    });
  }
  return text.replace(/[&<>"]/g, (char) => ENTITIES[char]!);
}

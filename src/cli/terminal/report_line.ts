/**
 * What was found and what to do about it, as `doctor` and `validate` print it.
 *
 * @module
 */
import { printable, redact } from "../../log.ts";

/** What was found and, after an arrow, what to do about it: on one line, without secrets. */
export function reportLine(found: string, fix: string | undefined): string {
  const text = fix === undefined ? found : `${found} -> ${fix}`;
  return printable(redact(text).replaceAll(/\s*\n\s*/g, " "));
}

/** A text in a JSON object: without secrets, `null` where there is none. */
export function jsonText(text: string | undefined): string | null {
  return text === undefined ? null : redact(text);
}

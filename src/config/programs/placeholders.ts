/**
 * The placeholders of a template.
 *
 * @module
 */

/** A placeholder in a template. */
export type Placeholder =
  | { readonly type: "body" | "body_file" | "flags" | "results" }
  /** A param, and what stands in for it where it is missing. */
  | { readonly type: "param"; readonly name: string; readonly fallback: string | undefined };

/**
 * What a placeholder looks like. After `$` only `{body}` and `{body_file}` are placeholders, in the
 * wrong place: there the others are expansions of the shell.
 */
const SOURCE =
  /\{(body|body_file)\}|(?<!\$)\{(?:(flags|results)|param:([\w.-]+)(?::-([^{}\0]*))?)\}/.source;

/** Matches a placeholder at `lastIndex`. */
export const PLACEHOLDER: Readonly<RegExp> = new RegExp(SOURCE, "y");

/** The placeholders in `text`, with what they look like and where they begin. */
export function findPlaceholders(
  text: string,
): { readonly index: number; readonly text: string; readonly placeholder: Placeholder }[] {
  return Array.from(text.matchAll(new RegExp(SOURCE, "g")), (match) => {
    const [whole, body, other, name, fallback] = match;
    const placeholder = name === undefined
      ? { type: (body ?? other) as "body" | "body_file" | "flags" | "results" }
      : { type: "param" as const, name, fallback };
    return { index: match.index, text: whole, placeholder };
  });
}

/** `template` with each placeholder replaced. */
export function replacePlaceholders(
  template: string,
  replace: (placeholder: Placeholder, text: string) => string,
): string {
  let result = "";
  let done = 0;
  for (const { index, text, placeholder } of findPlaceholders(template)) {
    result += template.slice(done, index) + replace(placeholder, text);
    done = index + text.length;
  }
  return result + template.slice(done);
}

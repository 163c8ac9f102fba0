/**
 * Settings in the front matter of a README.md: YAML between lines `---` at its beginning.
 *
 * @module
 */

/** The file that may hold settings where there is no cyberwave.yml. */
export const README = "README.md";

/** Whether settings in the file at `path` are in its front matter. */
export function isMarkdown(path: string): boolean {
  return /\.(md|markdown)$/i.test(path);
}

/** The front matter of a text, with an empty line in place of its first `---`; `undefined`: none. */
export function frontMatterOf(text: string): string | undefined {
  const [first = "", ...lines] = text.split("\n");
  if (first.trimEnd() !== "---") return undefined;
  const end = lines.findIndex((line) => /^(---|\.\.\.)\s*$/.test(line));
  return end === -1 ? undefined : ["", ...lines.slice(0, end)].join("\n");
}

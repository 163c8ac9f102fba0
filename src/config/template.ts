/**
 * Where a template may hold its placeholders. They render to a word that is quoted already, which
 * is safe only where the shell reads plain words: inside quotes, for one, the quotes of the word
 * would end those of the template, and params could run commands.
 *
 * @module
 */
import { type Misplaced, misplacedPlaceholders } from "./shell_quoting.ts";

/** What is wrong with `template`, with the fix; `undefined` when nothing is. */
export function templateProblem(template: string): string | undefined {
  const [first] = misplacedPlaceholders(template);
  if (!first) return undefined;
  const line = template.slice(0, first.index).split("\n").length - 1;
  const where = template.includes("\n") ? `${first.where} on line ${line + 1}` : first.where;
  const right = corrected(template, first)?.split("\n")[line]?.trim();
  const fix = right === undefined
    ? `put it in a variable first (params=${first.placeholder}) and use "$params" there`
    : `write ${right}`;
  return `must not have ${first.placeholder} ${where}, it is quoted already: ${fix}`;
}

/** The template with every placeholder freed; `undefined` when that takes more than an edit. */
function corrected(template: string, misplaced: Misplaced | undefined): string | undefined {
  if (!misplaced) return template;
  if (misplaced.edits.length === 0) return undefined;
  let text = template;
  // From the end, so that the positions of the edits still to do stay right.
  for (const { at, remove, insert } of misplaced.edits.toSorted((a, b) => b.at - a.at)) {
    text = text.slice(0, at) + insert + text.slice(at + remove);
  }
  return corrected(text, misplacedPlaceholders(text)[0]);
}

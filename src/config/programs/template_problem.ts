/**
 * Where a template may hold its placeholders. They render to a word that is quoted already, which
 * is safe only where the shell reads plain words: inside quotes, for one, the quotes of the word
 * would end those of the template, and params could run commands.
 *
 * @module
 */
import { type Edit, type Misplaced, misplacedPlaceholders } from "./shell_quoting.ts";

/** What is wrong with `template`, with the fix; `undefined` when nothing is. */
export function templateProblem(template: string): string | undefined {
  const [first] = misplacedPlaceholders(template);
  if (!first) return undefined;
  const { placeholder } = first;
  const line = lineOf(first, template);
  const where = template.includes("\n") ? `${first.where} on line ${line + 1}` : first.where;
  const right = freed(template);
  // Not every placeholder can be freed by an edit: those in a here-document, for one, cannot.
  const still = misplacedPlaceholders(right).some((other) => lineOf(other, right) === line);
  const fix = holdsCode(first, template)
    ? `give it as a word of its own behind the quotes and read it there: ${
      codeWithArgument(placeholder, template)
    }`
    : still
    ? `put it in a variable first (params=${placeholder}) and use "$params" there`
    : `write ${withoutBodyAsData(right).split("\n")[line]!.trim()}`;
  return `must not have ${placeholder} ${where}, it is quoted already: ${fix}`;
}

/** `{body}` where curl takes what it sends: of a large one it would send the path. */
const BODY_AS_DATA = /(?<=\bcurl\b.*?\s)(-d|--data(?:-\w+)?|--json)([ \t]*=?)\{body\}/gs;

/** What a template may do that its author does not expect, with the fix; `undefined`: nothing. */
export function templateSurprise(template: string): string | undefined {
  const [given] = template.match(BODY_AS_DATA) ?? [];
  if (given === undefined) return undefined;
  return `${given}, which makes curl send the path of a file in place of large params: write ` +
    withoutBodyAsData(template).match(/(-d|--data(?:-\w+)?|--json)[ \t]*=?@\{body_file\}/)![0];
}

/** The template with curl reading the file of the params. */
function withoutBodyAsData(template: string): string {
  return template.replaceAll(BODY_AS_DATA, "$1$2@{body_file}");
}

/** Whether the quotes around a placeholder hold code, which would be something else without them. */
function holdsCode({ edits }: Misplaced, template: string): boolean {
  const [opening, closing] = edits;
  if (opening === undefined || closing === undefined || opening.insert !== "") return false;
  return /\s-\w*[ce][ \t]*$/.test(template.slice(0, opening.at)) &&
    /[()<>;&|]/.test(template.slice(opening.at + opening.remove, closing.at));
}

/** How code on a command line gets the params as an argument. */
function codeWithArgument(placeholder: string, template: string): string {
  return /\bpython/.test(template)
    ? `python3 -c 'import sys; print(sys.argv[1])' ${placeholder}`
    : `sh -c 'echo "$1"' sh ${placeholder}`;
}

function lineOf({ index }: Misplaced, template: string): number {
  return template.slice(0, index).split("\n").length - 1;
}

/** The template after every edit that frees a placeholder. They only take quotes away, so it ends. */
function freed(template: string): string {
  const edits = misplacedPlaceholders(template).flatMap(({ edits }) => edits);
  return edits.length === 0 ? template : freed(applied(edits, template));
}

function applied(edits: readonly Edit[], template: string): string {
  const parts: string[] = [];
  let done = 0;
  // Placeholders in the same quotes share their edits.
  const once = new Map(edits.map((edit) => [edit.at, edit]));
  for (const { at, remove, insert } of [...once.values()].toSorted((a, b) => a.at - b.at)) {
    parts.push(template.slice(done, at), insert);
    done = at + remove;
  }
  return parts.join("") + template.slice(done);
}

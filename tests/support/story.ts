/** The story of a command as a document tells it in steps, each of which names a function. */
import { bodyOf } from "./functions.ts";

/** A step: a file of the source and a function in it. */
export interface Step {
  /** Its path in src. */
  readonly path: string;
  /** `function`, `Class.method`, `Class.#method`, `Class.constructor` or `function.member`. */
  readonly name: string;
}

/**
 * The steps of the section with this heading: the items of its numbered list, each of which begins
 * with `path: name` in backquotes.
 */
export function stepsIn(markdown: string, heading: string): Step[] {
  const items = section(markdown, heading).matchAll(/^\d+\. (.*)$/gm);
  return Array.from(items, ([item, text]) => {
    const named = /^`([\w/]+\.ts): ([\w.#]+)`/.exec(text);
    if (named === null) throw new Error(`No file and function at the beginning of "${item}"`);
    return { path: named[1], name: named[2] };
  });
}

/** The layers in the section with this heading, from the bottom to the top. */
export function layersIn(markdown: string, heading: string): string[][] {
  const block = /^```text\n([^]*?)^```$/m.exec(section(markdown, heading));
  if (block === null) throw new Error(`"${heading}" has no block of text`);
  const lines = block[1].trimEnd().split("\n");
  // What follows two spaces explains the layer.
  return lines.map((line) => line.split(/ {2,}/)[0].split(/ ?\| ?/)).reverse();
}

/** What is wrong with a story; `read` returns a file of the source, `undefined` where there is none. */
export function storyProblems(
  steps: readonly Step[],
  read: (path: string) => string | undefined,
): string[] {
  const problems: string[] = [];
  for (const [index, step] of steps.entries()) {
    const source = read(step.path);
    if (source === undefined) {
      problems.push(`${step.path} does not exist`);
    } else if (bodyOf(source, step.name) === undefined) {
      problems.push(`${step.path} has no ${step.name}`);
    } else {
      const callers = steps.slice(0, index).filter(({ path }) => read(path) !== undefined);
      const isCalled = callers.some((caller) => calls(caller, step, read));
      if (index > 0 && !isCalled) problems.push(`no step before it calls ${step.name}`);
    }
  }
  return problems;
}

/** Whether a function calls another, itself or through functions of its own file. */
function calls(
  caller: Step,
  called: Step,
  read: (path: string) => string | undefined,
): boolean {
  const reached = reachedFrom(read(caller.path)!, caller.name);
  const [owner, method] = partsOf(called.name);
  if (method !== "constructor" && isCalledIn(reached, method)) return true;
  if (owner === undefined || !new RegExp(`\\bnew ${owner}\\(`).test(reached)) return false;
  // Who makes an object calls what its constructor calls.
  if (method === "constructor") return true;
  return isCalledIn(reachedFrom(read(called.path)!, `${owner}.constructor`), method);
}

/** The code of a function, and of those in its file that it calls. */
function reachedFrom(source: string, name: string): string {
  const [owner] = partsOf(name);
  const seen = new Map<string, string>();
  const visit = (name: string) => {
    const body = seen.has(name) ? undefined : bodyOf(source, name);
    if (body === undefined) return;
    seen.set(name, body);
    for (const [, hash = "", called] of body.matchAll(/(#)?\b(\w+)\(/g)) {
      visit(called);
      if (owner !== undefined) visit(`${owner}.${hash}${called}`);
    }
  };
  visit(name);
  return [...seen.values()].join("\n");
}

function isCalledIn(text: string, method: string): boolean {
  return new RegExp(`(?<!function |\\w)#?${method.replace("#", "")}\\(`).test(text);
}

/** `Class.method` as class and method, and `function.member` likewise; a function has no owner. */
function partsOf(name: string): [owner: string | undefined, method: string] {
  const [first, second] = name.split(".");
  return second === undefined ? [undefined, first] : [first, second];
}

function section(markdown: string, heading: string): string {
  const start = markdown.indexOf(`\n## ${heading}\n`);
  if (start === -1) throw new Error(`No section "${heading}"`);
  const rest = markdown.slice(start + 4 + heading.length);
  const end = rest.search(/^## /m);
  return end === -1 ? rest : rest.slice(0, end);
}

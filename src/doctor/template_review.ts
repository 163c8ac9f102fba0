/**
 * Mistakes that a template probably has. It is read as the words of a shell command; where that is
 * uncertain nothing is reported.
 *
 * @module
 */
import { delimiter, resolve } from "node:path";
import { moduleIn } from "../config/programs/module_template.ts";
import { findPlaceholders } from "../config/programs/placeholders.ts";
import { templateSurprise } from "../config/programs/template_problem.ts";
import { isThere } from "../config/files/text_file.ts";
import { quoted } from "../errors.ts";
import { mayRead } from "../permissions.ts";

/** Where a template runs. */
export interface TemplatePlace {
  /** The folder that it runs in. */
  readonly workFolder: string;
  /** The environment that it runs with. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether an install script runs before it, which may bring programs and files. */
  readonly hasInstallScript: boolean;
}

/** A remark: words that follow the setting's name, and what to do. */
export interface TemplateRemark {
  /** What looks wrong. */
  readonly detail: string;
  /** What to do about it. */
  readonly fix: string | undefined;
}

/** What is odd about the template of a kind of command. */
export function reviewTemplate(template: string, place: TemplatePlace): TemplateRemark[] {
  if (moduleIn(template) !== undefined) return [];
  const surprise = templateSurprise(template);
  return [
    ...surprise === undefined ? [] : [{ detail: `has ${surprise}`, fix: undefined }],
    ...placeholderRemarks(template),
    ...reviewWords(template, place),
  ];
}

/** What is odd about any shell command: the program or the Python script that it begins with. */
export function reviewWords(command: string, place: TemplatePlace): TemplateRemark[] {
  const isSkipped = place.hasInstallScript || moduleIn(command) !== undefined;
  return isSkipped ? [] : missing(command, place);
}

/** What people write in place of `{body}`. */
const NEARLY_BODY =
  "params|parameters|param|args|arguments|payload|json|data|input|request|BODY|Body";

function placeholderRemarks(template: string): TemplateRemark[] {
  const [doubled] = /\{\{(?:body|body_file|flags|results|param:[^{}]*)\}\}/.exec(template) ?? [];
  if (doubled !== undefined) {
    return [{
      detail: `has ${doubled}, with one brace too many`,
      fix: `Write ${doubled.slice(1, -1)}`,
    }];
  }
  if (findPlaceholders(template).length > 0) return [];
  // Inside here-documents, and for xargs, braces may mean something.
  const isPlain = !/<<|\bxargs\b|\bparallel\b/.test(template);
  const [, guess] = new RegExp(`(?:^|[\\s=])(["']?)(\\{(?:${NEARLY_BODY})\\})\\1(?=$|[\\s;&|])`)
    .exec(template)?.slice(1) ?? [];
  if (isPlain && guess !== undefined) {
    return [{
      detail: `has ${guess}, which is not a placeholder and stays as it is`,
      fix: "Write {body} for the params, or {param:name} for one of them",
    }];
  }
  if (template.includes("CYBERWAVE_")) return [];
  return [{
    detail: "has no placeholder, so it gets no params unless it reads $CYBERWAVE_PARAMS_FILE",
    fix: "Write {body} where it takes the params, or {param:name} for one of them",
  }];
}

/** What bash does itself, as far as a command begins with it. */
const BUILTINS = new Set(
  (". : [ [[ alias bg bind break builtin caller case cd command compgen continue coproc declare " +
    "dirs disown echo enable eval exit export false fc fg for function getopts hash help history " +
    "if jobs kill let local logout mapfile popd printf pushd pwd read readarray readonly return " +
    "select set shift shopt source suspend test time times trap true type typeset ulimit umask " +
    "unalias unset until wait while").split(" "),
);

/** The program that a template begins with and its Python script, if they are not there. */
function missing(template: string, { workFolder, env }: TemplatePlace): TemplateRemark[] {
  const [program, ...args] = firstWords(template);
  const mayBeElsewhere = env.BASH_ENV !== undefined || `BASH_FUNC_${program}%%` in env;
  if (program === undefined || BUILTINS.has(program) || mayBeElsewhere) return [];
  if (/\balias\b|\bfunction\b|\(\)/.test(template)) return [];
  if (isMissing(program, workFolder, env.PATH ?? "")) {
    const where = program.includes("/") ? "is not there" : "is not on the PATH";
    return [{
      detail: `runs ${quoted(program)}, which ${where}`,
      fix: "Install it, or write its path; a service has the PATH of the shell that installed it",
    }];
  }
  const script = /(^|\/)python[\d.]*$/.test(program) ? scriptAmong(args) : undefined;
  if (script === undefined || !isAbsent(resolve(workFolder, script))) return [];
  return [{
    detail: `runs the Python script ${quoted(script)}, which is not there`,
    fix: `Write it, or correct its path: it is relative to ${workFolder}`,
  }];
}

/** The plain words that a template begins with, after `exec` and variables of the command. */
function firstWords(template: string): string[] {
  const words: string[] = [];
  for (const word of template.replaceAll("\\\n", " ").trimStart().split(/(?:[ \t]+|(?=\n))/)) {
    if (!/^[\w@%+=:,./-]+$/.test(word)) break;
    if (words.length === 0 && word.startsWith("PATH=")) break;
    if (words.length === 0 && (word === "exec" || /^[A-Za-z_]\w*=/.test(word))) continue;
    words.push(word);
  }
  return words;
}

function scriptAmong(args: readonly string[]): string | undefined {
  const first = args.find((arg) => !/^-[uBOEsSIqv]+$/.test(arg));
  return first?.endsWith(".py") ? first : undefined;
}

function isMissing(program: string, workFolder: string, path: string): boolean {
  if (program.includes("/")) return isAbsent(resolve(workFolder, program));
  const folders = path.split(delimiter).filter((folder) => folder !== "");
  return folders.length > 0 &&
    folders.every((folder) => isAbsent(resolve(workFolder, folder, program)));
}

/** Whether there is certainly nothing at `path`. */
function isAbsent(path: string): boolean {
  return mayRead(path) && !isThere(path);
}

/**
 * Mistakes that a worker or server in the configuration probably has.
 *
 * @module
 */
import { moduleIn } from "../config/programs/module_template.ts";
import { findPlaceholders } from "../config/programs/placeholders.ts";
import type { Program, ServerProgram, WorkerProgram } from "../config/programs/workload_program.ts";
import { expandAll } from "../config/variables.ts";
import { reviewWords, type TemplatePlace, type TemplateRemark } from "./template_review.ts";

/** What is odd about a worker or server. */
export function reviewWarm(
  program: WorkerProgram | ServerProgram,
  place: TemplatePlace,
): TemplateRemark[] {
  const { command } = program;
  return [
    ...command === undefined
      ? []
      : [...reviewWords(command, place), ...placeholderRemarks("command", command)],
    ...program.type === "worker" ? workerRemarks(program) : placeholderRemarks("url", program.url),
  ];
}

/** Which variables the headers of a server refer to that are not set. */
export function reviewHeaders(
  program: Program,
  env: Readonly<Record<string, string>>,
): TemplateRemark[] {
  if (program.type !== "server") return [];
  return expandAll(program.headers, env).unset.map((name) => ({
    detail: `has headers that refer to \${${name}}, which is not set: it is sent as nothing`,
    fix: `Set ${name} where the node starts, or give a default with \${${name}:-default}`,
  }));
}

function workerRemarks({ command, workers, concurrency }: WorkerProgram): TemplateRemark[] {
  if (concurrency === 1 || moduleIn(command) === undefined) return [];
  return [{
    detail: `has concurrency: ${concurrency}, but a Python file runs one command at a time`,
    fix: `Write "workers: ${workers * concurrency}" for as many processes`,
  }];
}

/** A worker or server is started once, and its URL is the same for all commands. */
function placeholderRemarks(where: string, text: string): TemplateRemark[] {
  const [found] = findPlaceholders(text);
  if (found === undefined) return [];
  return [{
    detail: `has ${found.text} in its ${where}, where it stays as it is`,
    fix: "Read the params from the request, which has all of them",
  }];
}

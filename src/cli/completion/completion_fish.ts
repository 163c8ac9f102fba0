/**
 * Completion for fish.
 *
 * @module
 */
import { PROGRAM } from "../subcommand.ts";
import type { CompletableCommand, CompletableFlag } from "./completion_words.ts";

/** The script. */
export function fishCompletion(commands: readonly CompletableCommand[]): string {
  const first = `-n __fish_use_subcommand`;
  return [
    `# fish completion of ${PROGRAM}`,
    `complete -c ${PROGRAM} -f`,
    `complete -c ${PROGRAM} ${first} -l help -s h -d 'Show this help'`,
    `complete -c ${PROGRAM} ${first} -l version -s V -d 'Show the version'`,
    ...commands.flatMap(({ name, summary, choices, flags }) => {
      const here = `-n ${word(`__fish_seen_subcommand_from ${name}`)}`;
      const operands = choices.length === 0 ? [] : [`${here} -a ${word(choices.join(" "))}`];
      return [
        `${first} -a ${name} -d ${word(summary)}`,
        ...operands,
        ...flags.map((flag) => `${here} ${flagOptions(flag)}`),
      ].map((options) => `complete -c ${PROGRAM} ${options}`);
    }),
  ].join("\n");
}

function flagOptions({ name, short, help, completes }: CompletableFlag): string {
  const options = [`-l ${name}`];
  if (short !== undefined) options.push(`-s ${short}`);
  if (completes === "path") options.push("-r -F");
  else if (completes !== undefined) options.push("-x");
  if (completes !== "path" && completes?.length) options.push(`-a ${word(completes.join(" "))}`);
  return [...options, `-d ${word(help)}`].join(" ");
}

/** `text` as one word of fish, which knows two escapes within single quotes. */
function word(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}

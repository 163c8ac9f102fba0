/**
 * Completion for zsh.
 *
 * @module
 */
import { PROGRAM } from "../subcommand.ts";
import type { CompletableCommand, CompletableFlag } from "./completion_words.ts";

/** The script, to be read by the shell or put into a folder of $fpath. */
export function zshCompletion(commands: readonly CompletableCommand[]): string {
  return `#compdef ${PROGRAM}
_cyberwave_cloud_node() {
  local -a commands
  commands=(
${commands.map(({ name, summary }) => `    ${word(`${name}:${summary}`)}`).join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    _arguments '--help[Show this help]' '--version[Show the version]'
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${commands.map(argumentsCase).join("\n")}
  esac
}
if [[ $funcstack[1] == _${PROGRAM} ]]; then
  _cyberwave_cloud_node "$@"
else
  compdef _cyberwave_cloud_node ${PROGRAM}
fi`;
}

function argumentsCase({ name, choices, flags }: CompletableCommand): string {
  const specifications = flags.flatMap(flagSpecifications);
  if (choices.length > 0) specifications.push(`1:operand:(${choices.join(" ")})`);
  const lines = specifications.map((specification) => ` \\\n        ${word(specification)}`);
  return `    ${name})\n      _arguments${lines.join("")} ;;`;
}

function flagSpecifications({ name, short, value, help, completes }: CompletableFlag): string[] {
  const spellings = short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`];
  const text = help.replaceAll(/[\[\]\\]/g, "\\$&");
  if (completes === undefined) return spellings.map((spelling) => `${spelling}[${text}]`);
  const action = completes === "path" ? "_files" : `(${completes.join(" ")})`;
  return spellings.map((spelling) => `${spelling}=[${text}]:${value}:${action}`);
}

/** `text` as one word of a shell. */
function word(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * Completion for bash, 3.2 of macOS too.
 *
 * @module
 */
import { PROGRAM } from "../subcommand.ts";
import type { CompletableCommand, CompletableFlag } from "./completion_words.ts";

/** The script. */
export function bashCompletion(commands: readonly CompletableCommand[]): string {
  const names = [...commands.map(({ name }) => name), "--help", "--version"];
  return `# bash completion of ${PROGRAM}
_cyberwave_cloud_node() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} words IFS=$' \\t\\n'
  # Bash takes --flag=value for three words.
  if [[ $word == = ]]; then
    word=
  elif [[ $before == = ]]; then
    before=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '${names.join(" ")}' -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]} $before" in
${commands.flatMap(valueCases).join("\n")}
  esac
  case \${COMP_WORDS[1]} in
${commands.map(wordsCase).join("\n")}
    *) return ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
_cyberwave_cloud_node_paths() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -f -- "$1"))
  compopt -o filenames 2>/dev/null || :
}
complete -F _cyberwave_cloud_node ${PROGRAM}`;
}

/** What stands behind the flags of a command that take a value. */
function valueCases({ name, flags }: CompletableCommand): string[] {
  return flags.flatMap(({ completes, ...flag }) => {
    if (completes === undefined) return [];
    const patterns = spellings(flag).map((spelling) => `"${name} ${spelling}"`).join(" | ");
    if (completes === "path") {
      return [`    ${patterns}) _cyberwave_cloud_node_paths "$word"; return ;;`];
    }
    const words = `COMPREPLY=($(compgen -W '${completes.join(" ")}' -- "$word")); `;
    return [`    ${patterns}) ${completes.length === 0 ? "" : words}return ;;`];
  });
}

/** The flags of a command and, in front of them, what its operand may be. */
function wordsCase({ name, choices, flags }: CompletableCommand): string {
  return `    ${name}) words='${[...choices, ...flags.flatMap(spellings)].join(" ")}' ;;`;
}

function spellings({ name, short }: CompletableFlag): string[] {
  return short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`];
}

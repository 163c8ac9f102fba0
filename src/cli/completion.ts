/**
 * `completion`: prints what lets a shell complete this program's command lines.
 *
 * @module
 */
import { ConfigError, quoted } from "../errors.ts";
import type { Arguments } from "./arguments.ts";
import { type CliCommand, PROGRAM } from "./subcommand.ts";
import { bashCompletion } from "./completion_bash.ts";
import { fishCompletion } from "./completion_fish.ts";
import { completableCommands } from "./completion_words.ts";
import { zshCompletion } from "./completion_zsh.ts";
import { print } from "./terminal.ts";

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

/** The command, for a program with these commands. */
export function completion(commands: () => readonly CliCommand[]): CliCommand {
  return {
    name: "completion",
    operands: ["<bash|zsh|fish>"],
    choices: Object.keys(SHELLS),
    summary: "Print a script that completes command lines in your shell",
    details: `bash: add to ~/.bashrc    eval "$(${PROGRAM} completion bash)"
zsh:  add to ~/.zshrc     eval "$(${PROGRAM} completion zsh)"   (after compinit)
fish: run once            ${PROGRAM} completion fish > ~/.config/fish/completions/${PROGRAM}.fish`,
    flags: [],
    settings: [],
    run: (args) => Promise.resolve(printScript(args, commands())),
  };
}

function printScript(args: Arguments, commands: readonly CliCommand[]): number {
  const [name = ""] = args.operands;
  if (!Object.hasOwn(SHELLS, name)) {
    throw new ConfigError(`There is no completion for the shell ${quoted(name)}`, {
      hint: `Choose one of ${Object.keys(SHELLS).join(", ")}`,
    });
  }
  print(SHELLS[name as keyof typeof SHELLS](completableCommands(commands)));
  return 0;
}

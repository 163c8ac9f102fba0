/**
 * `completion`: prints what lets a shell complete this program's command lines.
 *
 * @module
 */
import { ConfigError, quoted } from "../../errors.ts";
import type { Arguments } from "../arguments.ts";
import { bashCompletion } from "./completion_bash.ts";
import { fishCompletion } from "./completion_fish.ts";
import { completableCommands } from "./completion_words.ts";
import { zshCompletion } from "./completion_zsh.ts";
import type { CliCommand } from "../subcommand.ts";
import { print } from "../terminal/terminal.ts";

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

/** Prints the script of the shell that `args` name, for a program with these commands. */
export function printScript(args: Arguments, commands: readonly CliCommand[]): number {
  const [name = ""] = args.operands;
  if (!Object.hasOwn(SHELLS, name)) {
    throw new ConfigError(`There is no completion for the shell ${quoted(name)}`, {
      hint: `Choose one of ${Object.keys(SHELLS).join(", ")}`,
    });
  }
  print(SHELLS[name as keyof typeof SHELLS](completableCommands(commands)));
  return 0;
}

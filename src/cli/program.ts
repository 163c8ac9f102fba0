/**
 * The program: which command was asked for.
 *
 * @module
 */
import { nearest } from "../config/nearest.ts";
import { ConfigError, quoted } from "../errors.ts";
import type { StopRequests } from "../os/signals.ts";
import { parseArguments } from "./arguments.ts";
import { commandHelp, programHelp, shortHelp, versionText } from "./help.ts";
import { PROGRAM } from "./subcommand.ts";
import { COMMANDS } from "./subcommands.ts";
import { print, report } from "./terminal.ts";

const USAGE_ERROR = 2;

/** Runs the command that `args` ask for. Resolves with the exit code. */
export async function runProgram(
  args: readonly string[],
  requests: StopRequests,
): Promise<number> {
  const [name, ...rest] = args;
  switch (name) {
    case undefined:
      report(shortHelp(COMMANDS));
      return USAGE_ERROR;
    case "--help":
    case "-h":
      print(programHelp(COMMANDS));
      return 0;
    case "--version":
    case "-V":
      print(versionText());
      return 0;
  }
  const command = COMMANDS.find((command) => command.name === name);
  if (command === undefined) throw unknownCommand(name);
  const parsed = parseArguments(rest, command);
  if (parsed.has("help")) {
    print(commandHelp(command));
    return 0;
  }
  const { run } = await command.load();
  return await run(parsed, requests);
}

function unknownCommand(name: string): ConfigError {
  if (name.startsWith("-")) {
    return new ConfigError(`There is no command before ${quoted(name)}`, {
      hint: `Flags come after the command: ${PROGRAM} start ${name}`,
    });
  }
  const names = COMMANDS.map(({ name }) => name);
  const near = nearest(name, names);
  return new ConfigError(
    `There is no command ${quoted(name)}${near === undefined ? "" : `, did you mean ${near}?`}`,
    { hint: `The commands are ${names.join(", ")}; see "${PROGRAM} --help"` },
  );
}

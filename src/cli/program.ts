/**
 * The program: which command was asked for.
 *
 * @module
 */
import { nearest } from "../config/nearest.ts";
import { ConfigError, quoted } from "../errors.ts";
import { parseArguments } from "./arguments.ts";
import { type CliCommand, PROGRAM } from "./subcommand.ts";
import { completion } from "./completion.ts";
import { dev } from "./dev.ts";
import { doctor } from "./doctor.ts";
import { commandHelp, programHelp, shortHelp, versionText } from "./help.ts";
import { init } from "./init.ts";
import { logs } from "./logs.ts";
import { permissions } from "./show_permissions.ts";
import { ps } from "./ps.ts";
import { run } from "./send.ts";
import { service } from "./service.ts";
import { start } from "./start.ts";
import { print, tell } from "./terminal.ts";
import { validate } from "./validate.ts";

/** The commands, in the order in which the help shows them. */
export const COMMANDS: readonly CliCommand[] = [
  start,
  init,
  validate,
  dev,
  doctor,
  run,
  ps,
  logs,
  service,
  permissions,
  completion(() => COMMANDS),
];

const USAGE_ERROR = 2;

/** Runs the command that `args` ask for. Resolves with the exit code. */
export async function runProgram(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  switch (name) {
    case undefined:
      tell(shortHelp(COMMANDS));
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
  if (!parsed.has("help")) return await command.run(parsed);
  print(commandHelp(command));
  return 0;
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

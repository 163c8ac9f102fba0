/**
 * The program: which command was asked for.
 *
 * @module
 */
import { flagOptions } from "../config/settings/settings_help.ts";
import { ConfigError, quoted } from "../errors.ts";
import type { StopRequests } from "../os/signals.ts";
import { parseArguments } from "./arguments.ts";
import { commandHelp, programHelp, shortHelp, showVersion, unknownCommand } from "./help.ts";
import { logAsAskedFor } from "./load_settings.ts";
import { type CliCommand, PROGRAM } from "./subcommand.ts";
import { COMMANDS } from "./subcommands.ts";
import { print, report } from "./terminal/terminal.ts";

const USAGE_ERROR = 2;

/** Runs the command that `args` ask for. Resolves with the exit code. */
export async function runProgram(
  args: readonly string[],
  requests: StopRequests,
): Promise<number> {
  await logAsAskedFor(args);
  switch (args[0]) {
    case undefined:
      report(shortHelp(COMMANDS));
      return USAGE_ERROR;
    case "--help":
    case "-h":
      print(programHelp(COMMANDS));
      return 0;
    case "--version":
    case "-V":
      return showVersion();
  }
  const [command, given] = commandIn(args);
  const parsed = parseArguments(given, command);
  if (parsed.has("help")) {
    print(commandHelp(command));
    return 0;
  }
  const { run } = await command.load();
  const url = parsed.value("config") ?? "";
  if (!/^https?:/i.test(url)) return await run(parsed, requests);
  const { withConfigByUrl } = await import("./config_by_url.ts");
  return await run(await withConfigByUrl(parsed, url, command.name), requests);
}

/** The flags of `start` that are followed by a value. */
const VALUED_FLAGS = ["config", ...flagOptions.string].map((name) => `--${name}`);

/**
 * The command and what is given to it. As with the Python agent, flags may stand before the command,
 * and `--config PATH` alone starts the node.
 */
function commandIn(args: readonly string[]): [CliCommand, readonly string[]] {
  const isValue = (index: number) => VALUED_FLAGS.includes(args[index - 1] ?? "");
  const at = args.findIndex((arg, index) => !arg.startsWith("-") && !isValue(index));
  const name = args[at];
  const command = COMMANDS.find((command) => command.name === name);
  if (command !== undefined) return [command, args.toSpliced(at, 1)];
  const isStart = name === undefined && args.some((arg) => /^--config(=|$)/.test(arg));
  if (isStart) return [COMMANDS.find(({ name }) => name === "start")!, args];
  throw noCommand(name ?? args[0]!);
}

function noCommand(name: string): ConfigError {
  if (name.startsWith("-")) {
    return new ConfigError(`There is no command before ${quoted(name)}`, {
      hint: `Flags come after the command: ${PROGRAM} start ${name}`,
    });
  }
  return unknownCommand(name, COMMANDS);
}

/**
 * What `--help` shows.
 *
 * @module
 */
import manifest from "../../deno.json" with { type: "json" };
import { flagHelp } from "../config/settings/settings_help.ts";
import { nearest } from "../config/values/nearest.ts";
import { ConfigError, quoted } from "../errors.ts";
import { type Arguments, COMMON_FLAGS, type Flag } from "./arguments.ts";
import { type CliCommand, PROGRAM } from "./subcommand.ts";
import { EXIT_CODES } from "./exit_codes.ts";
import { print } from "./terminal/terminal.ts";

/** The version of this program. */
export const VERSION: string = manifest.version;

/** What this program is and what it runs on. */
function versionText(): string {
  const { version: { deno, v8 }, build: { target } } = Deno;
  return [`${PROGRAM} ${VERSION}`, `deno ${deno}`, `v8 ${v8}`, `target ${target}`].join("\n");
}

/** The help of the whole program. */
export function programHelp(commands: readonly CliCommand[]): string {
  return [
    `${PROGRAM} ${VERSION}: turns this computer into a Cyberwave Cloud Node`,
    shortHelp(commands),
    section("Flags", [
      flagLine({ name: "help", short: "h", help: "Show this help" }),
      flagLine({ name: "version", short: "V", help: "Show the version" }),
    ]),
    section(
      "Exit codes",
      EXIT_CODES.map(([code, meaning]) => `  ${`${code}`.padEnd(4)}${meaning}`),
    ),
  ].join("\n\n");
}

/** The help if no command is given. */
export function shortHelp(commands: readonly CliCommand[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length)) + 2;
  return [
    `Usage: ${PROGRAM} <command> [flags]`,
    section("Commands", commands.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`)),
    `See "${PROGRAM} <command> --help" for the flags of a command`,
  ].join("\n\n");
}

/** The help of one command. */
export function commandHelp(command: CliCommand): string {
  const { name, operands, summary, details, flags, settings } = command;
  const parts = [
    summary,
    `Usage: ${[PROGRAM, name, ...operands, "[flags]"].join(" ")}`,
    details,
    section("Flags", [...flags, ...COMMON_FLAGS].map(flagLine)),
  ];
  if (settings.length > 0) parts.push(section("Settings", flagHelp(settings)));
  if (parts.some((part) => /^ +--\S+ TIME /m.test(part))) parts.push(TIME_NOTE);
  return parts.join("\n\n");
}

const TIME_NOTE = "A TIME is a number of seconds, or has units: 30s, 5m, 1h30m";

/** Prints the help of a command, or of all. Returns the exit code. */
export function showHelp({ operands: [name] }: Arguments, commands: readonly CliCommand[]): number {
  const command = commands.find((command) => command.name === name);
  if (name === undefined) print(programHelp(commands));
  else if (command === undefined) throw unknownCommand(name, commands);
  else print(commandHelp(command));
  return 0;
}

/** Prints the version. Returns the exit code. */
export function showVersion(): number {
  print(versionText());
  return 0;
}

/** The error for an unknown command. */
export function unknownCommand(name: string, commands: readonly CliCommand[]): ConfigError {
  const names = commands.map(({ name }) => name);
  const near = nearest(name, names);
  return new ConfigError(
    `There is no command ${quoted(name)}${near === undefined ? "" : `, did you mean ${near}?`}`,
    { hint: `The commands are ${names.join(", ")}; see "${PROGRAM} --help"` },
  );
}

function section(title: string, lines: readonly string[]): string {
  return [`${title}:`, ...lines].join("\n");
}

function flagLine({ name, short, value, help }: Flag): string {
  const flag = [short ? `-${short}, ` : "", `--${name}`, value ? ` ${value}` : ""].join("");
  return `  ${flag.padEnd(28)}  ${help}`;
}

/**
 * What can be completed, whatever the shell.
 *
 * @module
 */
import type { Setting } from "../../config/settings/setting.ts";
import { SETTINGS } from "../../config/settings/settings.ts";
import { COMMON_FLAGS, type Flag } from "../arguments.ts";
import type { CliCommand } from "../subcommand.ts";

/** A command and what may follow it. */
export interface CompletableCommand {
  /** Its name. */
  readonly name: string;
  /** What it does. */
  readonly summary: string;
  /** What its first operand may be, as far as that is known. */
  readonly choices: readonly string[];
  /** Its flags. */
  readonly flags: readonly CompletableFlag[];
}

/** A flag and what its value may be. */
export interface CompletableFlag extends Flag {
  /** What completes its value: one of these words, or a path. Nothing for a switch. */
  readonly completes?: readonly string[] | "path";
}

/** The commands with all of their flags. */
export function completableCommands(commands: readonly CliCommand[]): CompletableCommand[] {
  return commands.map(({ name, summary, choices = [], flags, settings }) => ({
    name,
    summary,
    choices,
    flags: [
      ...flags.map(ownFlag),
      ...SETTINGS.flatMap((setting) => settingFlag(setting, settings)),
      ...COMMON_FLAGS,
    ],
  }));
}

function ownFlag(flag: Flag): CompletableFlag {
  return flag.value === undefined ? flag : { ...flag, completes: completesOf(flag.value) };
}

function settingFlag({ flag, help, type }: Setting, taken: readonly string[]): CompletableFlag[] {
  if (flag === undefined || !taken.includes(flag.name)) return [];
  return [{
    ...flag,
    help: help.replaceAll("`", ""),
    completes: type.words ?? completesOf(flag.value),
  }];
}

function completesOf(value: string): readonly string[] | "path" {
  return value === "PATH" ? "path" : [];
}

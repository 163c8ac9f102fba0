/**
 * All that can be said about a configuration without starting anything.
 *
 * @module
 */
import { statSync } from "node:fs";
import { tlsOf } from "../assembly.ts";
import type { Settings } from "../config/config.ts";
import { examineSettings, type LoadedSettings, type LoadOptions } from "../config/load.ts";
import type { SettingKey } from "../config/settings.ts";
import { ConfigError } from "../errors.ts";
import { missingTokenError } from "../presence/token.ts";
import { WORKLOAD_KINDS } from "../protocol/kinds.ts";
import { reviewSyntax } from "../workload/ask_shell.ts";
import { type Host, inspectHost } from "../workload/processes.ts";

/** Something about a configuration. */
export interface Remark {
  /** What it is. */
  readonly message: string;
  /** What to do about it. */
  readonly fix?: string;
}

/** A configuration, and what is to be said about it. */
export interface Review {
  /** The settings, in which a wrong one counts as not given. */
  readonly loaded: LoadedSettings;
  /** What keeps a node from starting or doing what it should. */
  readonly problems: readonly Remark[];
  /** What its author may want to know. */
  readonly warnings: readonly Remark[];
}

/** The settings that are shell commands. */
export const COMMAND_KEYS = ["installScript", ...WORKLOAD_KINDS] as const satisfies SettingKey[];

/** Looks at everything in a configuration. */
export async function reviewConfig(options: LoadOptions, signal?: AbortSignal): Promise<Review> {
  const { problems, ...loaded } = await examineSettings(options);
  const { settings } = loaded;
  const found: Remark[] = problems.map(remarkOf);
  const warnings: Remark[] = loaded.warnings.map((message) => ({ message }));
  const commands = await reviewCommands(loaded, signal);
  found.push(...commands.problems, ...authorityProblems(settings));
  warnings.push(...commands.warnings, ...oddities(settings, found.length === 0));
  return { loaded, problems: found, warnings };
}

function remarkOf({ message, hint }: ConfigError): Remark {
  return { message, fix: hint };
}

async function reviewCommands(
  { settings, sources }: LoadedSettings,
  signal: AbortSignal | undefined,
): Promise<Pick<Review, "problems" | "warnings">> {
  const problems: Remark[] = [];
  const warnings: Remark[] = [];
  const given = COMMAND_KEYS.filter((key) => settings[key] !== undefined);
  if (given.length === 0) return { problems, warnings };
  const { shell } = await inspectHost();
  await Promise.all(given.map(async (key) => {
    const { problem, warning } = await reviewSyntax(settings[key]!, shell, signal);
    const name = nameOf(key);
    const from = `(from ${sources.get(key)})`;
    if (problem) problems.push({ message: `${name} is not ${article(shell)}: ${problem} ${from}` });
    if (warning) warnings.push({ message: `${name}: ${warning} ${from}` });
  }));
  return { problems: inOrder(problems), warnings: inOrder(warnings) };
}

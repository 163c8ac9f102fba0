/**
 * The settings table as people see it: flags, `--help`, the README, and what a node runs with.
 *
 * @module
 */
import { quoted } from "../../errors.ts";
import type { Resolved } from "../resolve.ts";
import type { Setting } from "./setting.ts";
import { SETTINGS } from "./settings.ts";

/** The flags that take a value, as `parseArgs` wants them. */
export const flagOptions: { readonly string: readonly string[] } = {
  string: SETTINGS.flatMap(({ flag }) => flag ? [flag.name] : []),
};

/** One line of help for each of these flags. */
export function flagHelp(names: readonly string[] = flagOptions.string): string[] {
  return SETTINGS.flatMap((setting) => {
    const { flag, help } = setting;
    if (!flag || !names.includes(flag.name)) return [];
    const usage = `--${flag.name} ${flag.value}`.padEnd(28);
    return [`  ${usage}  ${withoutMarkdown(help)} (default: ${defaultOf(setting)})`];
  });
}

/** A setting that has a value, as it may be shown. */
export interface ShownSetting {
  /** Its name in cyberwave.yml, or its variable where it has none. */
  readonly name: string;
  /** Its value as text, or a mask where that is a secret. */
  readonly value: string;
  /** Where it came from, or `default`. */
  readonly source: string;
}

/** Every setting that has a value. Secrets are masked. */
export function shownSettings(
  { settings, sources }: Pick<Resolved, "settings" | "sources">,
): ShownSetting[] {
  return SETTINGS.flatMap(({ key, name, type }) => {
    const source = sources.get(key);
    return source === undefined ? [] : [{ name, value: type.format(settings[key]), source }];
  });
}

/** One line for each setting that has a value, with where it came from. Secrets are masked. */
export function describeSettings(resolved: Resolved): string[] {
  return shownSettings(resolved).map(({ name, value, source }) =>
    `${name} = ${oneLine(value)} (${source === "default" ? source : `from ${source}`})`
  );
}

/** The settings as Markdown: a table for each group. */
export function settingsMarkdown(): string {
  const groups = new Set(SETTINGS.map(({ group }) => group));
  return [...groups].map((group) => {
    const rows = SETTINGS.filter((setting) => setting.group === group).map(markdownRow);
    const head = ["`cyberwave.yml`", "Environment", "Flag", "Default", "Meaning"];
    return `**${group}**\n\n${markdownTable([head, ...rows])}`;
  }).join("\n");
}

function markdownRow(setting: Setting): string[] {
  const { yaml, env, flag, help, defaultText } = setting;
  return [
    yaml.map(code).join(", "),
    env.map(code).join(", "),
    flag ? code(`--${flag.name}`) : "",
    setting.default === undefined || defaultText ? defaultOf(setting) : code(defaultOf(setting)),
    help,
  ];
}

/** A table with its columns aligned, as a formatter would leave it. */
function markdownTable(rows: readonly string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  const [head = "", ...body] = rows.map((row) =>
    line(row.map((cell, column) => cell.padEnd(widths[column]!)))
  );
  return head + line(widths.map((width) => "-".repeat(width))) + body.join("");
}

function code(text: string): string {
  return `\`${text}\``;
}

function defaultOf(setting: Setting): string {
  const { type, default: value, defaultText } = setting;
  return defaultText ?? (value === undefined ? "none" : oneLine(type.format(value)));
}

function withoutMarkdown(text: string): string {
  return text.replaceAll("`", "");
}

/** `text` as it fits in a line: quoted when it would not be one, or not be seen. */
function oneLine(text: string): string {
  return text === "" || /\p{Cc}/u.test(text) ? quoted(text) : text;
}

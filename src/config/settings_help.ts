/**
 * The settings table as people see it: flags, `--help`, the README, and what a node runs with.
 *
 * @module
 */
import { quoted } from "../errors.ts";
import type { Resolved } from "./resolve.ts";
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

/** One line for each setting that has a value, with where it came from. Secrets are masked. */
export function describeSettings({ settings, sources }: Resolved): string[] {
  return SETTINGS.flatMap((setting) => {
    const from = sources.get(setting.key);
    if (from === undefined) return [];
    const value = oneLine(setting.type.format(settings[setting.key]));
    return [`${setting.name} = ${value} (${from === "default" ? from : `from ${from}`})`];
  });
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

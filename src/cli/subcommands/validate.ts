/**
 * `validate`: checks a configuration without starting anything.
 *
 * @module
 */
import { clearTextWarning } from "../../config/clear_text.ts";
import type { Settings } from "../../config/config.ts";
import type { LoadedSettings } from "../../config/load.ts";
import {
  COMMAND_KEYS,
  MISSING_TOKEN,
  nameOf,
  type Review,
  textOf,
} from "../../doctor/config_review.ts";
import { type Finding, warn } from "../../doctor/finding.ts";
import { redact } from "../../log.ts";
import { urlOf } from "../../mqtt/endpoint.ts";
import type { Arguments } from "../arguments.ts";
import { CONFIG_WRONG } from "../exit_codes.ts";
import { jsonText, reportLine } from "../terminal/report_line.ts";
import { reviewSettings } from "../load_settings.ts";
import { WORKLOAD_KINDS } from "../../protocol/kinds.ts";
import { type Color, harmless, paint, print } from "../terminal/terminal.ts";

/** Reports what is wrong with the configuration. */
export async function run(args: Arguments): Promise<number> {
  const review = await reviewSettings(args);
  const { loaded, problems, isComplete } = review;
  const clearText = isComplete ? clearTextWarning(loaded.settings) : undefined;
  const warnings = [
    ...review.warnings,
    ...clearText === undefined ? [] : [warn(clearText.message, clearText.hint)],
    ...loaded.sources.has("token") ? [] : [MISSING_TOKEN],
  ];
  if (args.has("json")) print(jsonOf({ ...review, warnings }));
  else for (const line of report({ ...review, warnings })) print(line);
  return problems.length > 0 ? CONFIG_WRONG : 0;
}

function report({ loaded, problems, warnings }: Review): string[] {
  const what = harmless(loaded.configFile ?? "The environment");
  const count = `${problems.length} ${problems.length === 1 ? "problem" : "problems"}`;
  return [
    problems.length > 0
      ? `${what}: ${paint("red", count, "stdout")}`
      : `${what} is ${paint("green", "valid", "stdout")}`,
    ...problems.map((problem) => line("red", "error", problem)),
    ...warnings.map((warning) => line("yellow", "warning", warning)),
    ...problems.length > 0 ? [] : ["", ...summary(loaded)],
  ];
}

function line(color: Color, word: string, { detail, fix }: Finding): string {
  return `  ${paint(color, word.padEnd(7), "stdout")}  ${reportLine(detail, fix)}`;
}

/** What a node with this configuration would do. */
function summary({ settings }: LoadedSettings): string[] {
  const { mqttUseTls, mqttHost: host, mqttPort: port, apiUrl, stateFolder } = settings;
  const broker = urlOf({ host, port, tls: mqttUseTls ? {} : undefined });
  const commands = COMMAND_KEYS.flatMap((key) => {
    const text = textOf(settings, key);
    return text === undefined ? [] : [[nameOf(key), text] as const];
  });
  return [
    ...commands,
    ...settings.gpus === undefined ? [] : [["gpus", gpusText(settings)] as const],
    ["broker", broker] as const,
    ["backend", apiUrl] as const,
    ["state", stateFolder] as const,
  ].map(([name, value]) => `  ${name.padEnd(NAME_WIDTH)}  ${indented(harmless(redact(value)))}`);
}

/** Which GPUs are given, and how many to whom. */
function gpusText(settings: Settings): string {
  const kinds = WORKLOAD_KINDS.filter((kind) => settings[kind] !== undefined);
  const each = kinds.map((kind) => `${settings.gpusPer[kind]} for each ${kind}`);
  return [textOf(settings, "gpus"), ...each].join(", ");
}

const NAME_WIDTH = Math.max(...COMMAND_KEYS.map((key) => nameOf(key).length));

/** The lines of a command below each other. */
function indented(text: string): string {
  return text.trimEnd().replaceAll("\n", `\n${" ".repeat(NAME_WIDTH + 4)}`);
}

function jsonOf({ loaded, problems, warnings }: Review): string {
  const { settings, configFile } = loaded;
  const listed = (findings: readonly Finding[]) =>
    findings.map(({ detail, fix }) => ({ message: jsonText(detail), fix: jsonText(fix) }));
  return JSON.stringify({
    valid: problems.length === 0,
    config_file: configFile ?? null,
    problems: listed(problems),
    warnings: listed(warnings),
    gpus: settings.gpus ?? null,
    gpus_per: settings.gpus === undefined ? null : settings.gpusPer,
    commands: Object.fromEntries(
      COMMAND_KEYS.map((key) => [nameOf(key), jsonText(textOf(settings, key))]),
    ),
  });
}

/**
 * Checks a configuration without starting anything.
 *
 * @module
 */
import { resolve } from "node:path";
import { tlsOf } from "../node/create/broker_settings.ts";
import type { Settings } from "../config/config.ts";
import { examineSettings, type LoadedSettings, type LoadOptions } from "../config/load.ts";
import type { Setting, SettingKey } from "../config/settings/setting.ts";
import { FUNCTIONS, moduleIn } from "../config/programs/module_template.ts";
import { commandOf, isWarm, type Program } from "../config/programs/workload_program.ts";
import { SETTINGS } from "../config/settings/settings.ts";
import { isThere } from "../config/files/text_file.ts";
import { CloudNodeError, messageOf, quoted } from "../errors.ts";
import { WORKLOAD_KINDS } from "../protocol/kinds.ts";
import { reviewEnvironment } from "./environment_review.ts";
import { fail, type Finding, warn } from "./finding.ts";
import { reviewSyntax } from "./syntax.ts";
import { reviewTemplate, type TemplatePlace, type TemplateRemark } from "./template_review.ts";
import { reviewHeaders, reviewWarm } from "./warm_review.ts";
import { findShell, type Host, ShellMissingError } from "../os/processes.ts";

/** A configuration, and what was found in it. */
export interface Review {
  /** The settings. The default stands in for a wrong one. */
  readonly loaded: LoadedSettings;
  /** What keeps a node from starting or doing what it should. */
  readonly problems: readonly Finding[];
  /** Warnings for its author. */
  readonly warnings: readonly Finding[];
  /** Whether every setting could be read, so that no default stands in for one. */
  readonly isComplete: boolean;
  /** Where the variables of workloads come from, and their names. */
  readonly variables: readonly string[];
}

/** The settings that are shell commands. */
export const COMMAND_KEYS = ["installScript", ...WORKLOAD_KINDS] as const;

/** Without a token a node cannot start, though its configuration may be ready for one that has it. */
export const MISSING_TOKEN: Finding = warn(
  "There is no API token",
  'Set CYBERWAVE_API_TOKEN, here or in a .env file, or log in with "cyberwave-cli login"',
);

/** The variables by which programs see some of the GPUs. */
const GPU_VARIABLES = ["CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"] as const;

/** Checks everything in a configuration. */
export async function reviewConfig(options: LoadOptions): Promise<Review> {
  const { problems, ...loaded } = await examineSettings(options);
  const commands = await reviewCommands(loaded);
  const start = await reviewStart(loaded, options.env);
  return {
    loaded,
    problems: [
      ...problems.map(problemOf),
      ...commands.problems,
      ...start.problems,
      ...authorityProblems(loaded.settings),
      ...await resultsProblems(loaded.settings),
    ],
    warnings: [
      ...loaded.warnings.map((message) => warn(message)),
      ...commands.warnings,
      // With half of the settings missing, everything would look odd.
      ...problems.length === 0 ? [...start.environmentWarnings, ...start.warnings] : [],
    ],
    isComplete: problems.length === 0,
    variables: start.variables,
  };
}

/** The review of a configuration with which a node starts. */
interface StartReview extends Pick<Review, "problems" | "warnings" | "variables"> {
  /** Warnings about the environment that the node logs itself when it starts. */
  readonly environmentWarnings: readonly Finding[];
}

/** Checks what a node that starts with the environment `own` is likely to fail at. Runs nothing. */
export async function reviewStart(
  loaded: LoadedSettings,
  own: Readonly<Record<string, string>>,
): Promise<StartReview> {
  const { problems, warnings, names, env } = await reviewEnvironment(loaded, own);
  const { workFolder, installScript } = loaded.settings;
  const where = { workFolder, env, hasInstallScript: installScript !== undefined };
  return {
    problems,
    warnings: [
      ...moduleWarnings(loaded.settings),
      ...programWarnings(loaded, (program) => reviewProgram(program, where)),
      ...oddities(loaded),
    ],
    environmentWarnings: [
      ...warnings,
      ...programWarnings(loaded, (program) => reviewHeaders(program, env)),
    ],
    variables: names,
  };
}

/** What `review` finds odd about the program of each kind. */
function programWarnings(
  { settings, place }: LoadedSettings,
  review: (program: Program) => TemplateRemark[],
): Finding[] {
  return WORKLOAD_KINDS.flatMap((kind) => {
    const program = settings[kind];
    const remarks = program === undefined ? [] : review(program);
    return remarks.map(({ detail, fix }) =>
      warn(`${nameOf(kind)} ${detail} (from ${place(kind)})`, fix)
    );
  });
}

function reviewProgram(program: Program, place: TemplatePlace): TemplateRemark[] {
  if (isWarm(program)) return reviewWarm(program, place);
  const template = commandOf(program);
  return template === undefined ? [] : reviewTemplate(template, place);
}

function problemOf({ message, hint }: CloudNodeError): Finding {
  return fail(message, hint);
}

/** Has the shell read the commands. */
async function reviewCommands(
  { settings, place }: LoadedSettings,
): Promise<Pick<Review, "problems" | "warnings">> {
  const given = COMMAND_KEYS.flatMap((key) => {
    const command = commandIn(settings, key);
    return command === undefined ? [] : [{ key, command }];
  });
  const problems: Finding[] = [];
  const warnings: Finding[] = [];
  if (given.length === 0) return { problems, warnings };
  let shell: Host["shell"];
  try {
    shell = await findShell();
  } catch (error) {
    if (!(error instanceof ShellMissingError)) throw error;
    return { problems, warnings: [warn(error.message, error.hint)] };
  }
  const reviews = await Promise.all(
    given.map(({ command }) => reviewSyntax(command, shell)),
  );
  for (const [index, { problem, warning }] of reviews.entries()) {
    const { key } = given[index]!;
    const [name, from] = [nameOf(key), `(from ${place(key)})`];
    if (problem) problems.push(fail(`${name} is not valid ${shell}: ${problem} ${from}`));
    if (warning) warnings.push(warn(`${name} looks wrong: ${warning} ${from}`));
  }
  return { problems, warnings };
}

/** The shell command of a setting; `undefined`: it has none. */
function commandIn(settings: Settings, key: typeof COMMAND_KEYS[number]): string | undefined {
  if (key === "installScript") return settings.installScript;
  const program = settings[key];
  return program && commandOf(program);
}

/** A Python file that is missing is no problem: the install script may bring it. */
function moduleWarnings(settings: Settings): Finding[] {
  return WORKLOAD_KINDS.flatMap((kind) => {
    const module = moduleIn(commandIn(settings, kind) ?? "");
    if (module === undefined || isThere(resolve(settings.workFolder, module))) return [];
    return [warn(
      `${nameOf(kind)} names the Python file ${quoted(module)}, which is not there`,
      `Write it, with a function ${FUNCTIONS[kind]}(**params), or a shell command`,
    )];
  });
}

/** How messages call the setting `key`. */
export function nameOf(key: SettingKey): string {
  return settingOf(key).name;
}

/** A setting as it can be written; `undefined`: it has no value. */
export function textOf(settings: Settings, key: SettingKey): string | undefined {
  const value = settings[key];
  return value === undefined ? undefined : settingOf(key).type.format(value);
}

function settingOf(key: SettingKey): Setting {
  return SETTINGS.find((setting) => setting.key === key)!;
}

function authorityProblems(settings: Settings): Finding[] {
  try {
    const ca = tlsOf(settings)?.ca?.();
    if (ca === undefined || ca.includes("-----BEGIN CERTIFICATE-----")) return [];
    return [fail(
      `There is no certificate in ${quoted(settings.mqttTlsCaCerts)}`,
      "Set mqtt_tls_ca_certs to a PEM file: it has a line BEGIN CERTIFICATE",
    )];
  } catch (error) {
    if (!(error instanceof CloudNodeError)) throw error;
    return [problemOf(error)];
  }
}

/** A results folder that is missing is no problem: a workload may make it. */
async function resultsProblems({ uploadResults, resultsFolder }: Settings): Promise<Finding[]> {
  if (!uploadResults || !isThere(resultsFolder)) return [];
  const fix = "Set results_folder to a folder that this user may write to, " +
    "or set upload_results: false";
  if (!Deno.statSync(resultsFolder).isDirectory) {
    return [fail(`results_folder ${quoted(resultsFolder)} is not a folder`, fix)];
  }
  const fs = await import("node:fs");
  try {
    // Files are removed once they are uploaded, which takes writing.
    fs.accessSync(resultsFolder, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK);
    return [];
  } catch (error) {
    const message = `results_folder ${quoted(resultsFolder)} cannot be used: ${messageOf(error)}`;
    return [fail(message, fix)];
  }
}

function oddities({ settings, sources, configFile }: LoadedSettings): Finding[] {
  const findings: Finding[] = [];
  if (!WORKLOAD_KINDS.some((kind) => sources.has(kind))) {
    findings.push(warn(
      "No inference, training or simulate command is configured, so none can run",
      configFile === undefined
        ? 'Write a cyberwave.yml: "cyberwave-cloud-node init" starts one'
        : `Add a line such as inference: python3 infer.py {body} to ${configFile}`,
    ));
  }
  const unlimited = WORKLOAD_KINDS.filter((kind) =>
    settings.memoryLimit[kind] !== undefined && (settings[kind]?.type ?? "command") !== "command"
  );
  if (unlimited.length > 0) {
    findings.push(warn(
      `memory_limit has no effect on ${
        unlimited.join(" and ")
      }: it limits only commands that run as processes of their own`,
      "Limit a worker or server in its own command, with systemd-run or ulimit",
    ));
  }
  if (settings.gpus === undefined && sources.get("gpusPer") !== "default") {
    findings.push(warn("gpus_per has no effect without gpus", "Add gpus: auto"));
  }
  const own = settings.gpus === undefined
    ? undefined
    : GPU_VARIABLES.find((name) => settings.env[name]);
  if (own !== undefined) {
    findings.push(warn(
      typeof settings.gpus === "object"
        ? `env gives ${own}, but each workload gets GPUs of its own from gpus`
        : `env gives ${own}: gpus takes them from there`,
      `Leave ${own} out, and name the GPUs in gpus`,
    ));
  }
  if (settings.mqttTlsCaCerts !== undefined && !settings.mqttUseTls) {
    findings.push(warn(
      `mqtt_tls_ca_certs has no effect: TLS is off on port ${settings.mqttPort}`,
      "Set mqtt_use_tls: true, or mqtt_port: 8883",
    ));
  }
  return findings;
}

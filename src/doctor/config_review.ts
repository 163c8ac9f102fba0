/**
 * All that can be said about a configuration without starting anything.
 *
 * @module
 */
import * as fs from "node:fs";
import { tlsOf } from "../node/publisher.ts";
import type { Settings } from "../config/config.ts";
import { examineSettings, type LoadedSettings, type LoadOptions } from "../config/load.ts";
import type { SettingKey } from "../config/setting.ts";
import { SETTINGS } from "../config/settings.ts";
import { CloudNodeError, messageOf, quoted } from "../errors.ts";
import { WORKLOAD_KINDS } from "../protocol/kinds.ts";
import { reviewSyntax } from "./syntax.ts";
import { type Host, inspectHost, ShellMissingError } from "../os/processes.ts";

/** Something about a configuration. */
export interface Remark {
  /** What it is. */
  readonly message: string;
  /** What to do about it. */
  readonly fix?: string;
}

/** A configuration, and what is to be said about it. */
export interface Review {
  /** The settings. The default stands in for a wrong one. */
  readonly loaded: LoadedSettings;
  /** What keeps a node from starting or doing what it should. */
  readonly problems: readonly Remark[];
  /** What its author may want to know. */
  readonly warnings: readonly Remark[];
  /** Whether every setting could be read, so that no default stands in for one. */
  readonly isComplete: boolean;
}

/** The settings that are shell commands. */
export const COMMAND_KEYS = ["installScript", ...WORKLOAD_KINDS] as const;

/** Without a token a node cannot start, though its configuration may be ready for one that has it. */
export const MISSING_TOKEN: Remark = {
  message: "There is no API token",
  fix: 'Set CYBERWAVE_API_TOKEN, here or in a .env file, or log in with "cyberwave-cli login"',
};

/** Looks at everything in a configuration. */
export async function reviewConfig(options: LoadOptions): Promise<Review> {
  const { problems, ...loaded } = await examineSettings(options);
  const commands = await reviewCommands(loaded);
  return {
    loaded,
    problems: [
      ...problems.map(remarkOf),
      ...commands.problems,
      ...authorityProblems(loaded.settings),
      ...resultsProblems(loaded.settings),
    ],
    warnings: [
      ...loaded.warnings.map((message) => ({ message })),
      ...commands.warnings,
      // With half of the settings missing, everything would look odd.
      ...problems.length === 0 ? oddities(loaded) : [],
    ],
    isComplete: problems.length === 0,
  };
}

function remarkOf({ message, hint }: CloudNodeError): Remark {
  return { message, fix: hint };
}

/** Has the shell read the commands. */
async function reviewCommands(
  { settings, sources }: LoadedSettings,
): Promise<Pick<Review, "problems" | "warnings">> {
  const given = COMMAND_KEYS.filter((key) => settings[key] !== undefined);
  const problems: Remark[] = [];
  const warnings: Remark[] = [];
  if (given.length === 0) return { problems, warnings };
  let shell: Host["shell"];
  try {
    ({ shell } = await inspectHost());
  } catch (error) {
    if (!(error instanceof ShellMissingError)) throw error;
    return { problems, warnings: [remarkOf(error)] };
  }
  const reviews = await Promise.all(
    given.map((key) => reviewSyntax(settings[key]!, shell)),
  );
  for (const [index, { problem, warning }] of reviews.entries()) {
    const key = given[index]!;
    const [name, from] = [nameOf(key), `(from ${sources.get(key)})`];
    if (problem) problems.push({ message: `${name} is not valid ${shell}: ${problem} ${from}` });
    if (warning) warnings.push({ message: `${name} is odd: ${warning} ${from}` });
  }
  return { problems, warnings };
}

/** How messages call the setting `key`. */
export function nameOf(key: SettingKey): string {
  return SETTINGS.find((setting) => setting.key === key)!.name;
}

function authorityProblems(settings: Settings): Remark[] {
  try {
    const ca = tlsOf(settings)?.ca?.();
    if (ca === undefined || ca.includes("-----BEGIN CERTIFICATE-----")) return [];
    return [{
      message: `There is no certificate in ${quoted(settings.mqttTlsCaCerts)}`,
      fix: "Let mqtt_tls_ca_certs name a PEM file, which has a line BEGIN CERTIFICATE",
    }];
  } catch (error) {
    if (!(error instanceof CloudNodeError)) throw error;
    return [remarkOf(error)];
  }
}

/** A results folder that is missing is no problem: a workload may make it. */
function resultsProblems({ uploadResults, resultsFolder }: Settings): Remark[] {
  if (!uploadResults || !fs.existsSync(resultsFolder)) return [];
  const fix = "Let results_folder name a folder of this user's, or set upload_results: false";
  if (!fs.statSync(resultsFolder).isDirectory()) {
    return [{ message: `results_folder ${quoted(resultsFolder)} is not a folder`, fix }];
  }
  try {
    // Files are removed once they are uploaded, which takes writing.
    fs.accessSync(resultsFolder, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK);
    return [];
  } catch (error) {
    const message = `results_folder ${quoted(resultsFolder)} cannot be used: ${messageOf(error)}`;
    return [{ message, fix }];
  }
}

function oddities({ settings, sources, configFile }: LoadedSettings): Remark[] {
  const remarks: Remark[] = [];
  if (!WORKLOAD_KINDS.some((kind) => sources.has(kind))) {
    remarks.push({
      message: "No inference, training or simulate command is configured, so that none can run",
      fix: configFile === undefined
        ? 'Write a cyberwave.yml: "cyberwave-cloud-node init" starts one'
        : `Add a line such as inference: python3 infer.py {body} to ${configFile}`,
    });
  }
  if (settings.mqttTlsCaCerts !== undefined && !settings.mqttUseTls) {
    remarks.push({
      message: `mqtt_tls_ca_certs has no effect: TLS is off on port ${settings.mqttPort}`,
      fix: "Set mqtt_use_tls: true, or mqtt_port: 8883",
    });
  }
  return remarks;
}

/**
 * The environment of workloads.
 *
 * @module
 */
import { credentials } from "../commands/work.ts";
import type { Settings } from "../config/config.ts";

/**
 * What all workloads get: the node's own environment, without the token and password in it, and where
 * results belong.
 */
export function workloadEnvironment(
  env: Readonly<Record<string, string>>,
  { resultsFolder }: Pick<Settings, "resultsFolder">,
): Record<string, string> {
  const withheld = Object.keys(credentials(""));
  const shared = Object.entries(env).filter(([name]) => !withheld.includes(name));
  return { ...Object.fromEntries(shared), CYBERWAVE_RESULTS_FOLDER: resultsFolder };
}

/** What lets a workload act for the node: its token as it is now, unless `pass_token` says no. */
export function nodeCredentials(
  { passToken, mqttPassword }: Pick<Settings, "passToken" | "mqttPassword">,
  token: string,
): Record<string, string> {
  return passToken ? credentials(token, mqttPassword) : {};
}

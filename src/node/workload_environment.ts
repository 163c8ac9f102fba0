/**
 * The environment of workloads.
 *
 * @module
 */
import type { Settings } from "../config/config.ts";
import { credentials } from "../commands/work.ts";

/**
 * The node's own environment with what a workload needs to act for it: the node's token, unless
 * `pass_token` says no, and where its results belong.
 */
export function workloadEnvironment(
  env: Readonly<Record<string, string>>,
  settings: Settings & { readonly token: string },
): Record<string, string> {
  const { token, mqttPassword, passToken, resultsFolder } = settings;
  const own = { ...env, CYBERWAVE_RESULTS_FOLDER: resultsFolder };
  if (passToken) return { ...own, ...credentials(token, mqttPassword) };
  const withheld = Object.keys(credentials(token));
  return Object.fromEntries(Object.entries(own).filter(([name]) => !withheld.includes(name)));
}

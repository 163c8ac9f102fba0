/**
 * What is wrong with the variables that a configuration gives workloads.
 *
 * @module
 */
import { type LoadedSettings, withDotenv } from "../config/load.ts";
import { readEnvFiles } from "../config/files/env_files.ts";
import { unsetWarning, workloadEnvironment } from "../node/workload_environment.ts";
import { fail, type Finding, warn } from "./finding.ts";

/** What was found in the variables of workloads. */
interface EnvironmentReview {
  /** What keeps a node from starting. */
  readonly problems: readonly Finding[];
  /** Warnings for its author. */
  readonly warnings: readonly Finding[];
  /** Where variables come from, and their names: `env: HF_TOKEN, B`. Never a value. */
  readonly names: readonly string[];
  /** The environment of workloads. */
  readonly env: Readonly<Record<string, string>>;
}

/** Checks `env`, the files that `env_file` names and `.env`, for a node with this environment. */
export async function reviewEnvironment(
  loaded: LoadedSettings,
  own: Readonly<Record<string, string>>,
): Promise<EnvironmentReview> {
  const { settings, place } = loaded;
  const env = withDotenv(own, loaded);
  const files = await readEnvFiles(settings.envFile, env);
  const found = workloadEnvironment(env, settings, files.variables);
  const listed: [string, Readonly<Record<string, unknown>>][] = [
    ["env", settings.env],
    ["env_file", files.variables],
    [".env", loaded.dotenv],
  ];
  return {
    env: found.env,
    problems: [
      ...files.problems.map(({ index, error: { message, hint } }) =>
        fail(`${message} (from ${place("envFile", [index])})`, hint)
      ),
      ...Array.from(
        found.problems,
        ([name, problem]) => fail(`env for ${name} ${problem} (from ${place("env", [name])})`),
      ),
    ],
    warnings: [
      ...files.warnings.map((message) => warn(message)),
      ...found.unset.length === 0
        ? []
        : [warn(unsetWarning("env", found.unset), "Write a default: ${NAME:-default}")],
    ],
    names: listed.flatMap(([from, variables]) => {
      const names = Object.keys(variables);
      return names.length === 0 ? [] : [`${from}: ${names.join(", ")}`];
    }),
  };
}

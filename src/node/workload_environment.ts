/**
 * The environment of workloads.
 *
 * @module
 */
import type { Settings } from "../config/config.ts";
import { readEnvFiles } from "../config/files/env_files.ts";
import { credentials, expandAll, isSecretName, TOKEN_VARIABLES } from "../config/variables.ts";
import { ConfigError } from "../errors.ts";
import { addSecret } from "../log.ts";
import { topicPrefix } from "../protocol/topics.ts";

/** An environment, and what is to be reported about it. */
interface WorkloadEnvironment {
  readonly env: Record<string, string>;
  /** The variables that `env:` refers to and that have no value. */
  readonly unset: readonly string[];
  /** What is wrong with values of `env:`, by the names of their variables. */
  readonly problems: ReadonlyMap<string, string>;
  /** Values that logs must not show. */
  readonly secrets: readonly string[];
}

/**
 * What all workloads get by default. Python would buffer what it prints to a pipe until it has 8
 * KiB, or ends.
 */
const DEFAULTS = { PYTHONUNBUFFERED: "1" };

/**
 * What all workloads get: the node's own environment, without the token and password in it, where the
 * platform and results are, the variables of the files that `env_file` names, and those of `env:`.
 */
export function workloadEnvironment(
  env: Readonly<Record<string, string>>,
  settings: Omit<Settings, "token">,
  fromFiles: Readonly<Record<string, string>> = {},
): WorkloadEnvironment {
  const known = { ...DEFAULTS, ...withoutTokens(env), ...platformVariables(settings) };
  const { variables, ...found } = expandAll(settings.env, known);
  const given = { ...withoutTokens(fromFiles), ...variables };
  const all = withoutMissing({ ...known, ...given });
  const secrets = Object.entries(all).flatMap(([name, value]) => isSecretName(name) ? [value] : []);
  return { env: all, secrets, ...found };
}

/**
 * Reads the files of variables and makes the environment of workloads.
 *
 * @throws {ConfigError} when a file or a variable cannot be used
 */
export async function readWorkloadEnvironment(
  env: Readonly<Record<string, string>>,
  settings: Omit<Settings, "token">,
  warn: (message: string) => void,
): Promise<Record<string, string>> {
  const files = await readEnvFiles(settings.envFile, env);
  const [unusable] = files.problems;
  if (unusable !== undefined) throw unusable.error;
  const found = workloadEnvironment(env, settings, files.variables);
  for (const [name, problem] of found.problems) throw new ConfigError(`env for ${name} ${problem}`);
  for (const secret of found.secrets) addSecret(secret);
  for (const warning of files.warnings) warn(warning);
  if (found.unset.length > 0) warn(unsetWarning("env", found.unset));
  return found.env;
}

/** The node's token is not passed on because it stands in a file with other variables. */
function withoutTokens(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !TOKEN_VARIABLES.includes(name)),
  );
}

function withoutMissing(
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/**
 * Where the platform is and where results belong, under the names that the Python SDK and the Python
 * agent read: a script talks to the platform that the node talks to.
 */
function platformVariables(settings: Omit<Settings, "token">): Record<string, string> {
  const { apiUrl, mqttHost, mqttPort, mqttUseTls, environment, resultsFolder } = settings;
  const { mqttTlsCaCerts, mqttUsername, workspaceSlug, workspaceUuid } = settings;
  const prefix = topicPrefix(environment);
  return {
    CYBERWAVE_API_URL: apiUrl,
    CYBERWAVE_BASE_URL: apiUrl,
    CYBERWAVE_MQTT_HOST: mqttHost,
    CYBERWAVE_MQTT_PORT: String(mqttPort),
    CYBERWAVE_MQTT_USE_TLS: String(mqttUseTls),
    CYBERWAVE_ENVIRONMENT: environment,
    // The SDK prefers these to the environment's name.
    CYBERWAVE_MQTT_TOPIC_PREFIX: prefix,
    CYBERWAVE_TOPIC_PREFIX: prefix,
    CYBERWAVE_RESULTS_FOLDER: resultsFolder,
    ...given("CYBERWAVE_MQTT_TLS_CA_CERTS", mqttTlsCaCerts),
    ...given("CYBERWAVE_MQTT_TLS_CA_CERT", mqttTlsCaCerts),
    ...given("CYBERWAVE_MQTT_USERNAME", mqttUsername),
    ...given("CYBERWAVE_WORKSPACE_SLUG", workspaceSlug),
    ...given("CYBERWAVE_WORKSPACE_UUID", workspaceUuid),
    ...given("CYBERWAVE_WORKSPACE_ID", workspaceUuid),
  };
}

function given(name: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [name]: value };
}

/**
 * The variables that let a workload act for the node: its current token, unless `pass_token` is
 * false. Variables of `env:` with these names stay.
 */
export function nodeCredentials(
  { passToken, mqttPassword, env }: Pick<Settings, "passToken" | "mqttPassword" | "env">,
  token: string,
): Record<string, string> {
  if (!passToken) return {};
  const all = Object.entries(credentials(token, mqttPassword));
  return Object.fromEntries(all.filter(([name]) => !Object.hasOwn(env, name)));
}

/** The warning about variables without a value, which `where` refers to. */
export function unsetWarning(where: string, unset: readonly string[]): string {
  const names = unset.map((name) => `\${${name}}`).join(", ");
  return `${where} refers to ${names}, which the node's environment does not have: empty instead`;
}

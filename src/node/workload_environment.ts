/**
 * The environment of workloads.
 *
 * @module
 */
import { credentials } from "../commands/work.ts";
import type { Settings } from "../config/config.ts";
import { expandAll, TOKEN_VARIABLES } from "../config/variables.ts";
import { topicPrefix } from "../protocol/topics.ts";

/** An environment, and what its author may want to know. */
interface WorkloadEnvironment {
  readonly env: Record<string, string>;
  /** The variables that `env:` refers to and that have no value. */
  readonly unset: readonly string[];
}

/**
 * What all workloads get unless somebody says otherwise. Python would keep what it prints to a pipe
 * in memory until there are 8 KiB of it, or the end.
 */
const DEFAULTS = { PYTHONUNBUFFERED: "1" };

/**
 * What all workloads get: the node's own environment, without the token and password in it, where the
 * platform and results are, and the variables of the configuration.
 */
export function workloadEnvironment(
  env: Readonly<Record<string, string>>,
  settings: Omit<Settings, "token">,
): WorkloadEnvironment {
  const shared = Object.fromEntries(
    Object.entries(env).filter(([name]) => !TOKEN_VARIABLES.includes(name)),
  );
  const known = { ...DEFAULTS, ...shared, ...platformVariables(settings) };
  const { variables, unset } = expandAll(settings.env, known);
  return { env: { ...known, ...variables }, unset };
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

/** What lets a workload act for the node: its token as it is now, unless `pass_token` says no. */
export function nodeCredentials(
  { passToken, mqttPassword }: Pick<Settings, "passToken" | "mqttPassword">,
  token: string,
): Record<string, string> {
  return passToken ? credentials(token, mqttPassword) : {};
}

/** The warning about variables without a value. */
export function unsetWarning(unset: readonly string[]): string {
  const names = unset.map((name) => `\${${name}}`).join(", ");
  return `env refers to ${names}, which the node's environment does not have: empty instead`;
}

/**
 * `dev`: a node with a platform of its own.
 *
 * @module
 */
import { nodeFrom } from "../../cloud_node.ts";
import { CloudNodeClient } from "../../cloud_node_client.ts";
import type { LoadedSettings } from "../../config/load.ts";
import * as values from "../../config/values/values.ts";
import { ConfigError, messageOf } from "../../errors.ts";
import { DevPlatform, type DevPlatformOptions, usesSample } from "../../dev/platform.ts";
import { removeLeftovers } from "../../dev/state_folder.ts";
import type { NodeIdentity } from "../../node/options.ts";
import type { StopRequests } from "../../os/signals.ts";
import { WORKLOAD_KINDS } from "../../protocol/kinds.ts";
import { commandTopic, responseTopic, topicPrefix } from "../../protocol/topics.ts";
import type { Arguments } from "../arguments.ts";
import { demoSteps, runDemo } from "./demo.ts";
import { COMMAND_FAILED } from "../exit_codes.ts";
import { commandLine, shellWord } from "../invocation.ts";
import { useSettings, workloadEnvironment } from "../load_settings.ts";
import { NodeHttp, pageLink } from "../node_http.ts";
import { examiner, runNode } from "../run_node.ts";
import { paint, print } from "../terminal/terminal.ts";

const DEFAULT_TIMEOUT = 600;

/** Runs a node on a platform of its own until it is stopped. */
export async function run(args: Arguments, requests: StopRequests): Promise<number> {
  const timeout = args.seconds("timeout") ?? DEFAULT_TIMEOUT;
  await using platform = await DevPlatform.start(platformOptions(args));
  let isSample = false;
  const loaded = await useSettings(args, (found) => {
    isSample = usesSample(found);
    const adapted = platform.adapt(found);
    return args.has("once") ? adapted : onHttp(adapted);
  });
  await platform.answerOverMqtt(loaded.settings.environment);
  await removeLeftovers();
  await using node = nodeFrom(
    loaded,
    platform.adaptEnvironment(workloadEnvironment(loaded)),
    { isTemporary: true, examine: examiner(args, (found) => platform.adapt(found)) },
  );
  const ended = new AbortController();
  const ready = Promise.withResolvers<NodeIdentity | undefined>();
  const running = runNode(node, { onReady: ready.resolve }, requests)
    .finally(() => {
      ended.abort();
      ready.resolve(undefined);
    });
  const identity = await Promise.race([ready.promise, running.then(() => undefined)]);
  let code = 0;
  // There is none if the node was stopped before it was ready.
  if (identity !== undefined) {
    print(introduction(loaded, isSample, identity));
    if (!args.has("once") || args.has("show-token")) {
      print(`  token     ${platform.backend.token} (the broker's password as well)`);
    }
    if (args.has("once")) {
      const limits = { timeout, signal: ended.signal };
      code = await demonstrate(platform, loaded, isSample, identity, limits) ? 0 : COMMAND_FAILED;
      await node.stop();
    } else {
      print(`  page      ${await pageOf(loaded)}`);
      print(invitation(platform, loaded, identity));
    }
  }
  await running;
  return code;
}

/** With HTTP, on a free port, unless the settings say otherwise. */
function onHttp(loaded: LoadedSettings): LoadedSettings {
  if (loaded.settings.http !== undefined) return loaded;
  const settings = { ...loaded.settings, http: "127.0.0.1:0" };
  return { ...loaded, settings, sources: new Map(loaded.sources).set("http", "dev") };
}

/** A link to the node's page, or why there is none. */
async function pageOf({ settings }: LoadedSettings): Promise<string> {
  try {
    using node = NodeHttp.find(settings.stateFolder);
    return node === undefined
      ? "none: the node has stopped"
      : `${await pageLink(node)} (once, within 10 minutes)`;
  } catch (error) {
    return `none: ${messageOf(error)}`;
  }
}

/** The ports and the token that the platform is to have. */
function platformOptions(args: Arguments): DevPlatformOptions {
  return {
    port: parsed(args, "port", lowerPort),
    token: parsed(args, "token", values.token),
  };
}

/** A port that has a next one, for the backend. */
const lowerPort: values.ValueType<number> = {
  ...values.port,
  parse: (value) =>
    value === "65535"
      ? values.refuse("a port number below 65535", 65_535)
      : values.port.parse(value),
};

function parsed<T>(args: Arguments, name: string, type: values.ValueType<T>): T | undefined {
  const given = args.value(name);
  if (given === undefined) return undefined;
  const result = type.parse(given);
  if ("problem" in result) throw new ConfigError(`--${name} ${result.problem}`);
  return result.value;
}

/** Shows the node at work. Resolves with whether all went well, until it was stopped. */
async function demonstrate(
  { access }: DevPlatform,
  { settings }: LoadedSettings,
  isSample: boolean,
  { slug }: NodeIdentity,
  limits: { timeout: number; signal: AbortSignal },
): Promise<boolean> {
  const { host, port, username, password } = access;
  const steps = demoSteps(settings, isSample);
  try {
    await using client = await CloudNodeClient.connect({
      slug,
      environment: settings.environment,
      ...{ mqttHost: host, mqttPort: port, mqttUsername: username, mqttPassword: password },
      signal: limits.signal,
    });
    const passed = await runDemo(steps, client, limits);
    print(`\n${passed} of ${steps.length} passed\n`);
    return passed === steps.length;
  } catch (error) {
    if (!limits.signal.aborted) throw error;
    return false;
  }
}

/** What is there now. */
function introduction(loaded: LoadedSettings, isSample: boolean, node: NodeIdentity): string {
  const { settings, configFile } = loaded;
  const { mqttHost, mqttPort, apiUrl, controlPlane, stateFolder } = settings;
  const config = isSample
    ? "a built-in sample, because there is no cyberwave.yml here"
    : configFile ?? "the environment";
  return `
${
    paint(
      "green",
      "A Cloud Node and all that it needs are running, on this computer alone",
      "stdout",
    )
  }

  node      ${node.slug} (${node.uuid})
  config    ${config}
  broker    mqtt://${mqttHost}:${mqttPort}, with a password
  backend   ${apiUrl}${controlPlane === "mqtt" ? ", asked over MQTT" : ""}
  state     ${stateFolder} (removed at the end)`;
}

/** How to talk to it. */
function invitation(
  { access }: DevPlatform,
  { settings }: LoadedSettings,
  node: NodeIdentity,
): string {
  const { host, port, username, password } = access;
  const { environment, stateFolder } = settings;
  const prefix = topicPrefix(environment);
  const kind = WORKLOAD_KINDS.find((kind) => settings[kind] !== undefined) ?? "status";
  const params = { x: 1 };
  const to = ["--slug", node.slug, "--mqtt-host", host, "--mqtt-port", `${port}`];
  if (prefix !== "") to.push("--environment", environment);
  const message = JSON.stringify({ command: kind, request_id: "r1", params });
  const [responses, commands] = [responseTopic(prefix, node.uuid), commandTopic(prefix, node.slug)];
  const mosquitto = (program: string, ...args: string[]) =>
    [program, "-h", host, "-p", `${port}`, "-u", username, "-P", password, "-q", "1", ...args]
      .map(shellWord).join(" ");
  const variables: [string, string][] = [
    ["CYBERWAVE_API_URL", settings.apiUrl],
    ["CYBERWAVE_MQTT_HOST", host],
    ["CYBERWAVE_MQTT_PORT", `${port}`],
    ["CYBERWAVE_API_TOKEN", password],
  ];
  if (prefix !== "") variables.push(["CYBERWAVE_ENVIRONMENT", environment]);
  return `
Send it a command from another terminal:

  CYBERWAVE_MQTT_PASSWORD=${password} ${commandLine(["run", kind, JSON.stringify(params), ...to])}

or with the clients of mosquitto:

  ${mosquitto("mosquitto_sub", "-t", responses)}
  ${mosquitto("mosquitto_pub", "-t", commands, "-m", message)}

Other nodes and programs join with these variables:

  ${variables.map(([name, value]) => `export ${name}=${shellWord(value)}`).join("\n  ")}

and see what it has done:

  ${commandLine(["ps", "--state-folder", stateFolder])}

Stop it with Ctrl-C
`;
}

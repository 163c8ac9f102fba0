/**
 * Whether the broker accepts this node and lets it subscribe to its commands. The check has a
 * client id of its own, so a running node keeps its session.
 *
 * @module
 */
import { tlsOf } from "../node/create/broker_settings.ts";
import { connectOnce, type Visit } from "../mqtt/connect_once.ts";
import { reach } from "../mqtt/reach.ts";
import { urlOf } from "../mqtt/endpoint.ts";
import { clearTextWarning } from "../config/clear_text.ts";
import type { Settings } from "../config/config.ts";
import { quoted } from "../errors.ts";
import type { Identity } from "../registration/identity.ts";
import { commandTopic, topicPrefix } from "../protocol/topics.ts";
import type { Clock } from "../time.ts";
import { type Check, fail, ok, warn } from "./finding.ts";
import { milliseconds, stages } from "./quantities.ts";

/** Who the node is, if it is registered. */
export type WhoAmI = () => Promise<Identity | undefined>;

const CLIENT_ID = "cyberwave-cloud-node-doctor";
const CHECK_BROKER = "Check mqtt_host and mqtt_port";

/** Whether the broker accepts this node. */
export function brokerCheck(settings: Settings, whoAmI: WhoAmI, clock: Clock): Check {
  return {
    name: "broker",
    async run(signal) {
      const broker = await brokerFor(settings, whoAmI);
      const url = urlOf(broker);
      const { passed, failed } = await reach({ ...broker, name: "the broker" }, clock, signal);
      if (failed !== undefined) {
        const { stage, failure } = failed;
        const fix = failure.hint ??
          (stage === "TCP" ? `${CHECK_BROKER}, and the firewall` : CHECK_BROKER);
        return fail(`${url}: ${stage}: ${failure.why}${stages(passed)}`, sentence(fix));
      }
      const start = clock.monotonic();
      const visited = await connectOnce(broker, CLIENT_ID, signal);
      if ("failure" in visited) {
        const { why, hint = CHECK_BROKER } = visited.failure;
        return fail(`${url}: MQTT: ${why}${stages(passed)}`, sentence(hint));
      }
      const took = milliseconds(clock.monotonic() - start);
      visited.link.close();
      await visited.link.closed;
      if (visited.version !== 5 && settings.controlPlane === "mqtt") {
        const detail = `${url} does not speak MQTT 5, which control_plane: mqtt needs`;
        return fail(detail, "Set control_plane: rest, or use a broker that speaks it");
      }
      const mqtt = `MQTT ${visited.version === 5 ? "5" : "3.1.1"} ${took}`;
      const accepts = `${url} accepts user ${quoted(broker.username)}${stages(passed, mqtt)}`;
      const clearText = clearTextWarning(settings);
      return clearText === undefined
        ? ok(accepts)
        : warn(`${accepts}. ${clearText.message}`, clearText.hint);
    },
  };
}

/** Whether the broker lets this node subscribe to its commands. */
export function commandsCheck(settings: Settings, whoAmI: WhoAmI): Check {
  return {
    name: "commands",
    async run(signal) {
      const identity = await whoAmI();
      const addresses = addressesOf(settings, identity);
      if (addresses.length === 0) {
        return warn(
          "not checked: this node is not registered yet, so it has no topics",
          "Start the node once, or give --slug",
        );
      }
      const visited = await connectOnce(await brokerFor(settings, whoAmI), CLIENT_ID, signal);
      if ("failure" in visited) {
        return warn(`not checked: no connection to the broker: ${visited.failure.why}`);
      }
      const { link } = visited;
      signal.addEventListener("abort", () => link.close(), { once: true });
      const topics = addresses.map((name) => commandTopic(topicPrefix(settings.environment), name));
      const refused = await link.subscribe(topics);
      const isOpen = !link.isClosed;
      link.close();
      const { why } = await link.closed;
      if (!isOpen) return fail(`${quoted(topics[0])}: ${why}`, LET_SUBSCRIBE);
      const [first] = refused;
      if (first !== undefined) {
        return fail(
          `the broker refuses the subscription to ${quoted(first.topic)}: ${first.why}`,
          LET_SUBSCRIBE,
        );
      }
      return ok(`may be subscribed to: ${topics.join(", ")}`);
    },
  };
}

const LET_SUBSCRIBE = "Ask the broker's administrator to let this user subscribe to that topic";

async function brokerFor(settings: Settings, whoAmI: WhoAmI): Promise<Visit> {
  const identity = await whoAmI();
  return {
    host: settings.mqttHost,
    port: settings.mqttPort,
    tls: tlsOf(settings),
    username: settings.mqttUsername ?? addressesOf(settings, identity)[0] ?? bootstrapName(),
    password: settings.mqttPassword ?? settings.token,
  };
}

/** A temporary name for a node that has none yet. */
function bootstrapName(): string {
  return `cloud-node-bootstrap-${crypto.getRandomValues(new Uint8Array(4)).toHex()}`;
}

/** What commands for this node are addressed to, the UUID first. */
function addressesOf(settings: Settings, identity: Identity | undefined): string[] {
  const uuid = settings.instanceUuid ?? identity?.uuid;
  const slug = identity?.slug ?? settings.slug;
  return [uuid, slug].filter((name) => name !== undefined);
}

/** A hint as it stands after an arrow. */
function sentence(hint: string): string {
  return hint.charAt(0).toUpperCase() + hint.slice(1);
}

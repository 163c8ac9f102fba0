import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { CloudNode } from "../../src/cloud_node.ts";
import type { CloudNodeConfig } from "../../src/config/node_config.ts";
import { AuthenticationError, ConfigError, InstallScriptError } from "../../src/errors.ts";
import type { Call } from "../../src/dev/rest_calls.ts";
import { Inbox } from "../support/events.ts";
import { packet, serve } from "../support/raw_broker.ts";
import { World } from "../support/world.ts";

const MQTT: CloudNodeConfig = { controlPlane: "mqtt", inference: "echo {body}" };

const over = (method: string) => (call: Call) => call.method === method;

/** The last parts of the calls' paths, without the logs, which come in any number. */
function actions(calls: readonly Call[]): string[] {
  return calls.map(({ path }) => path.split("/").at(-1)!).filter((action) => action !== "logs");
}

Deno.test("a node lives over MQTT alone: no call goes over REST", async () => {
  await using world = await World.start();
  await world.answerOverMqtt();
  {
    // How many calls of logs there are depends on the moment.
    const config = { ...MQTT, logStreamInterval: 0 };
    await using node = await world.runNode(config, { slug: "my-node" });
    await world.backend.nextCall(({ path }) => path.endsWith("/heartbeat"));
    await using sender = await world.sender(node.identity);
    assertEquals((await sender.ask({ command: "inference", request_id: "r1" })).output, "{}\n");
    assertEquals(world.backend.instances.get(node.identity.uuid)?.status, "registered");
  }
  const calls = world.backend.calls;
  assert(calls.every(over("MQTT")));
  assertEquals(actions(calls).toSorted(), [
    "heartbeat",
    "register",
    "request-instance",
    "terminate",
  ]);
  assertEquals(actions(calls)[0], "request-instance");
  assertEquals(actions(calls).at(-1), "terminate");
  assertEquals([...world.backend.instances.values()].map(({ status }) => status), ["terminated"]);
});

Deno.test("the topics of an environment are asked for over MQTT", async () => {
  await using world = await World.start();
  await world.answerOverMqtt("staging");
  await using node = await world.runNode({ ...MQTT, environment: "staging" });
  assertEquals(world.backend.instances.get(node.identity.uuid)?.status, "registered");
});

Deno.test("an instance that is gone is replaced over MQTT, and a restart keeps the new one", async () => {
  await using world = await World.start();
  await world.answerOverMqtt();
  let renewed: string;
  {
    await using node = await world.runNode({ ...MQTT, heartbeatInterval: 0.05 });
    world.backend.instances.delete(node.identity.uuid);
    const isRegister = ({ path }: Call) => path.endsWith("/register");
    await world.backend.nextCall(isRegister);
    renewed = (await world.backend.nextCall(isRegister)).path.split("/").at(-2)!;
    assert(renewed !== node.identity.uuid);
  }
  await using node = await world.runNode(MQTT);
  assertEquals(node.identity.uuid, renewed);
});

Deno.test("a failed install script is reported over MQTT", async () => {
  await using world = await World.start();
  await world.answerOverMqtt();
  const config = world.config({ ...MQTT, installScript: "echo no CUDA >&2; exit 1" });
  await assertRejects(() => new CloudNode({ config, env: {} }).run(), InstallScriptError);
  const [instance] = world.backend.instances.values();
  assertEquals(instance.status, "failed");
  assertMatch(instance.error ?? "", /no CUDA/);
});

Deno.test("a token that is rejected over MQTT ends the node", async () => {
  await using world = await World.start();
  await world.answerOverMqtt();
  const node = new CloudNode({ config: world.config({ ...MQTT, token: "wrong-token" }), env: {} });
  await assertRejects(() => node.run(), AuthenticationError, "The backend rejected the API token");
});

Deno.test("a token that no topic can carry ends the node, and gives the state folder free", async () => {
  await using world = await World.start();
  const node = new CloudNode({ config: world.config({ ...MQTT, token: "to/ken" }), env: {} });
  await assertRejects(() => node.run(), ConfigError, "cannot be used over MQTT");
  await assertRejects(() => node.run(), ConfigError, "cannot be used over MQTT");
});

Deno.test("a node that nobody knows yet connects under its slug, or a name made for once", async () => {
  await using world = await World.start();
  const connects = new Inbox<string>();
  await using broker = serve(async (socket) => {
    connects.push(new TextDecoder("latin1").decode(await packet(socket)));
  });
  const table: [CloudNodeConfig, RegExp][] = [
    [{}, /-control\0.cloud-node-bootstrap-[0-9a-f]{8}\0/],
    [{ slug: "my-gpu" }, /-control\0.my-gpu\0/],
    [{ slug: "my-gpu", instanceUuid: "uuid-1" }, /-control\0.uuid-1\0/],
    [{ slug: "my-gpu", mqttUsername: "me" }, /-control\0.me\0/],
  ];
  for (const [config, expected] of table) {
    const settings = world.config({ ...MQTT, mqttPort: broker.port, ...config });
    await using node = new CloudNode({ config: settings, env: {} });
    const ended = node.run();
    assertMatch(await connects.next(), expected);
    await node.stop();
    await ended;
  }
});

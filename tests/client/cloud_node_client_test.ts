import { assert, assertEquals, assertRejects } from "@std/assert";
import type { CallOptions, CloudNodeClientOptions } from "../../src/client/client_options.ts";
import { CommandFailedError, NoReplyError } from "../../src/client/command_reply.ts";
import { CloudNodeClient } from "../../src/cloud_node_client.ts";
import { BrokerError, ConfigError } from "../../src/errors.ts";
import { RecordingLogger } from "../support/events.ts";
import { Mosquitto, mosquittoAvailable } from "../support/mosquitto.ts";
import { type Message, TestClient } from "../support/mqtt_client.ts";
import { bytes, packet, serve } from "../support/raw_broker.ts";
import { World } from "../support/world.ts";
import { Gate } from "../support/stage.ts";

const TEMPLATES = {
  inference: 'cat "$CYBERWAVE_PARAMS_FILE"',
  training: "echo no disk >&2; exit 3",
};

/** Where a client finds the broker of a test. */
function at({ host, port }: { host: string; port: number }) {
  return { mqttHost: host, mqttPort: port };
}

/** Somebody in the place of a node, who answers as the test says. */
async function standIn(
  broker: { host: string; port: number },
  answer: (message: Message, client: TestClient) => Promise<void>,
): Promise<AsyncDisposable> {
  const client = await TestClient.connect(`mqtt://${broker.host}:${broker.port}`);
  const inbox = await client.collect("cyberwave/cloud-node/u/command");
  const answered = inbox.next(() => true).then((message) => answer(message, client));
  return {
    async [Symbol.asyncDispose]() {
      await answered;
      await client[Symbol.asyncDispose]();
    },
  };
}

function requestIdOf({ text }: Message): string {
  return JSON.parse(text).request_id;
}

Deno.test("a call resolves with the reply, and sends params that are text as they stand", async () => {
  await using world = await World.start();
  await using node = await world.runNode(TEMPLATES);
  await using client = await CloudNodeClient.connect({
    ...at(world.broker),
    slug: node.identity.slug,
  });
  const reply = await client.call("inference", { x: 1 }, { requestId: "r1" });
  assertEquals([reply.status, reply.requestId, reply.output], ["ok", "r1", '{"x":1}']);
  assertEquals(reply.instanceUuid, node.identity.uuid);
  const json = '{"seed":12345678901234567890}';
  assertEquals((await client.call("inference", json)).output, json);
});

Deno.test("a command that fails rejects the call, with the reply", async () => {
  await using world = await World.start();
  await using node = await world.runNode(TEMPLATES);
  await using client = await CloudNodeClient.connect({
    ...at(world.broker),
    uuid: node.identity.uuid,
  });
  const error = await assertRejects(() => client.call("training"), CommandFailedError, "no disk");
  assertEquals([error.reply.status, error.exitCode], ["error", 10]);
});

Deno.test("status and cancel are read", async () => {
  await using world = await World.start();
  const gate = await Gate.in(world.folder);
  await using node = await world.runNode({ training: gate.template });
  await using client = await CloudNodeClient.connect({
    ...at(world.broker),
    uuid: node.identity.uuid,
  });
  const idle = await client.status();
  assertEquals([idle.slug, idle.kinds, idle.isBusy], [node.identity.slug, ["training"], false]);
  const training = client.call("training", {}, { requestId: "t1" });
  const rejected = assertRejects(() => training, CommandFailedError, "cancelled by SIGINT");
  await client.cancel("t1", { stopSignal: "SIGINT" });
  await rejected;
  await assertRejects(() => client.cancel("t1"), CommandFailedError, "No active workload");
});

Deno.test({
  name: "over MQTT 5 the reply comes to the client alone, where the node's replies are hidden",
  ignore: !mosquittoAvailable(),
  async fn() {
    const folder = await Deno.makeTempDir();
    // The node may do everything, everybody else may not read its replies.
    await Deno.writeTextFile(
      `${folder}/acl`,
      "pattern write cyberwave/cloud-node/+/command\npattern read cyberwave/response/%c\n" +
        "user node\ntopic readwrite #\n",
    );
    const users = { node: "secret", u: "secret" };
    await using broker = await Mosquitto.start({ users, config: [`acl_file ${folder}/acl`] });
    const access = { username: "node", password: "secret" };
    await using node = await TestClient.connect(broker.url, access);
    const inbox = await node.collect("cyberwave/cloud-node/u/command");
    await using client = await CloudNodeClient.connect({
      ...at(broker),
      uuid: "u",
      mqttPassword: "secret",
    });
    const called = client.call("inference");
    const rejected = assertRejects(() => called, CommandFailedError, "not understood");
    const message = await inbox.next(() => true);
    const { responseTopic, correlationData } = message.properties!;
    // A node that could not read the request id still answers whom it came from.
    const reply = { status: "error", request_id: null, error: "not understood" };
    await node.publish(responseTopic!, reply, { properties: { correlationData } });
    await rejected;
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("a node that knows nothing of response topics is heard on its own", async () => {
  await using world = await World.start();
  await using _node = await standIn(world.broker, async (message, node) => {
    const reply = { status: "ok", request_id: requestIdOf(message), output: "done" };
    await node.publish("cyberwave/cloud-node/u/response", reply);
  });
  await using client = await CloudNodeClient.connect({ ...at(world.broker), uuid: "u" });
  assertEquals((await client.call("inference")).output, "done");
});

Deno.test("a broker that speaks MQTT 3.1.1 alone is enough", async () => {
  await using world = await World.start();
  await using node = await world.runNode(TEMPLATES);
  let connections = 0;
  await using old = serve(async (socket) => {
    if (connections++ === 0) {
      await packet(socket);
      await socket.write(new Uint8Array([0x20, 2, 0, 1]));
      return;
    }
    const broker = await Deno.connect({ hostname: world.broker.host, port: world.broker.port });
    await Promise.all([
      socket.readable.pipeTo(broker.writable).catch(() => {}),
      broker.readable.pipeTo(socket.writable).catch(() => {}),
    ]);
  });
  await using client = await CloudNodeClient.connect({
    ...{ mqttHost: "127.0.0.1", mqttPort: old.port },
    uuid: node.identity.uuid,
  });
  assertEquals((await client.call("inference", { x: 1 })).output, '{"x":1}');
});

Deno.test({
  name: "a call outlives the connection: what was answered meanwhile comes when it is made again",
  ignore: !mosquittoAvailable(),
  async fn() {
    await using broker = await Mosquitto.start();
    const node = await TestClient.connect(broker.url);
    const inbox = await node.collect("cyberwave/cloud-node/u/command");
    const logger = new RecordingLogger();
    await using client = await CloudNodeClient.connect({ ...at(broker), uuid: "u", logger });
    const called = client.call("training");
    const requestId = requestIdOf(await inbox.next(() => true));
    await node[Symbol.asyncDispose]();
    const lost = logger.logged("Lost the connection");
    await broker.restart();
    await lost;
    await using again = await TestClient.connect(broker.url);
    const reply = { status: "ok", request_id: requestId, output: "trained" };
    await again.publish("cyberwave/cloud-node/u/response", reply);
    assertEquals((await called).output, "trained");
  },
});

Deno.test("the broker forgets the client when it is closed", async () => {
  const last = Promise.withResolvers<Uint8Array>();
  await using broker = serve(async (socket) => {
    await packet(socket);
    await socket.write(new Uint8Array([0x20, 3, 0, 0, 0]));
    const subscribe = await bytes(socket, 2);
    const [high, low] = await bytes(socket, subscribe[1]!);
    await socket.write(new Uint8Array([0x90, 5, high!, low!, 0, 1, 1]));
    last.resolve(await bytes(socket, 9));
  });
  const client = await CloudNodeClient.connect({
    ...at({ host: "127.0.0.1", ...broker }),
    uuid: "u",
  });
  await client[Symbol.asyncDispose]();
  // DISCONNECT with a Session Expiry Interval (0x11) of 0.
  assertEquals([...await last.promise], [0xe0, 7, 0, 5, 0x11, 0, 0, 0, 0]);
});

Deno.test("progress of the command is handed over, of others it is not", async () => {
  await using world = await World.start();
  await using _node = await standIn(world.broker, async (message, node) => {
    const request_id = requestIdOf(message);
    const topic = "cyberwave/cloud-node/u/progress";
    await node.publish(topic, { request_id: "another", progress: 9 });
    await node.publish(topic, "no JSON");
    await node.publish(topic, { request_id, progress: 3, total: 10, message: "epoch 3" });
    const reply = { status: "ok", request_id, output: "done" };
    await node.publish("cyberwave/cloud-node/u/response", reply);
  });
  await using client = await CloudNodeClient.connect({ ...at(world.broker), uuid: "u" });
  const seen: unknown[] = [];
  const { requestId } = await client.call("training", {}, {
    onProgress: (progress) => seen.push(progress),
  });
  assertEquals(seen, [{ requestId, progress: 3, total: 10, message: "epoch 3" }]);
});

for (
  const [what, onProgress] of [
    ["throws", () => {
      throw new RangeError("too much");
    }],
    ["rejects", () => Promise.reject(new RangeError("too much"))],
  ] as [string, () => void][]
) {
  Deno.test(`a listener to progress that ${what} rejects its call, and nothing else`, async () => {
    await using world = await World.start();
    await using _node = await standIn(world.broker, async (message, node) => {
      const progress = { request_id: requestIdOf(message), progress: 1 };
      await node.publish("cyberwave/cloud-node/u/progress", progress);
    });
    await using client = await CloudNodeClient.connect({ ...at(world.broker), uuid: "u" });
    await assertRejects(() => client.call("training", {}, { onProgress }), RangeError, "too much");
  });
}

Deno.test("all replies of the node can be iterated, until the client is closed", async () => {
  await using world = await World.start();
  await using node = await world.runNode(TEMPLATES);
  await using sender = await world.sender(node.identity);
  const client = await CloudNodeClient.connect({ ...at(world.broker), slug: node.identity.slug });
  const replies = client[Symbol.asyncIterator]();
  await sender.ask({ command: "inference", request_id: "of-another" });
  await client.call("inference", {}, { requestId: "own" });
  const found = [await replies.next(), await replies.next()];
  assertEquals(found.map(({ value }) => value?.requestId), ["of-another", "own"]);
  await client[Symbol.asyncDispose]();
  assert((await replies.next()).done);
});

Deno.test("a call gives up in time, and when its signal says so", async () => {
  await using world = await World.start();
  await using client = await CloudNodeClient.connect({ ...at(world.broker), uuid: "nobody" });
  const late = client.call("status", undefined, { timeout: 0.05, requestId: "r9" });
  const error = await assertRejects(() => late, NoReplyError, 'No reply to "status" within 0.05 s');
  assert(error.hint!.includes("r9"));
  const asked = new AbortController();
  const aborted = client.call("status", undefined, { signal: asked.signal });
  asked.abort(new RangeError("never mind"));
  await assertRejects(() => aborted, RangeError, "never mind");
});

Deno.test("what waits when the client is closed is rejected", async () => {
  await using world = await World.start();
  const client = await CloudNodeClient.connect({ ...at(world.broker), uuid: "nobody" });
  const waiting = assertRejects(() => client.call("status"), BrokerError, "was closed before");
  await client[Symbol.asyncDispose]();
  await waiting;
});

Deno.test("send resolves with the request id once the broker has the command", async () => {
  await using world = await World.start();
  const seen = Promise.withResolvers<string>();
  await using _node = await standIn(world.broker, (message) => {
    seen.resolve(requestIdOf(message));
    return Promise.resolve();
  });
  await using client = await CloudNodeClient.connect({ ...at(world.broker), uuid: "u" });
  assertEquals(await client.send("training", { epochs: 3 }), await seen.promise);
});

Deno.test("a client says what is wrong before it connects", async () => {
  const connect = CloudNodeClient.connect;
  await assertRejects(() => connect({}), ConfigError, "which node is meant");
  await assertRejects(() => connect({ slug: "a/b" }), ConfigError, "slug must not hold");
  await assertRejects(() => connect({ slug: "a", uuid: "b" }), ConfigError, "one of them");
  await assertRejects(() => connect({ slug: "a", mqttPort: 0 }), ConfigError);
  await using broker = await World.start();
  await using client = await connect({ ...at(broker.broker), uuid: "u" });
  await assertRejects(() => client.call("inference", "{x: 1}"), ConfigError, "must be JSON");
  for (const params of [[1], () => 1, { x: 1n }]) {
    await assertRejects(() => client.call("inference", params), ConfigError, "Params must be");
  }
  await assertRejects(() => client.call("a", {}, { timeout: NaN }), ConfigError, "timeout must be");
  const timeut = { timeut: 1 } as CallOptions;
  await assertRejects(() => client.call("a", {}, timeut), ConfigError, 'did you mean "timeout"?');
  const foreign = { slug: "a", inference: "true" } as CloudNodeClientOptions;
  await assertRejects(() => connect(foreign), ConfigError, 'no option "inference"');
});

Deno.test("params may be an object of any type of the program", async () => {
  interface Pose {
    x: number;
  }
  const pose: Pose = { x: 1 };
  await using world = await World.start();
  await using node = await world.runNode(TEMPLATES);
  await using client = await CloudNodeClient.connect({
    ...at(world.broker),
    uuid: node.identity.uuid,
  });
  assertEquals((await client.call("inference", pose)).output, '{"x":1}');
});

import { setImmediate } from "node:timers";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { PublishRefusedError } from "../../src/mqtt/connection.ts";
import type { Inbound } from "../../src/mqtt/message.ts";
import { Inbox } from "../support/events.ts";
import { Mosquitto, mosquittoAvailable } from "../support/mosquitto.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { COMMAND, Harness, RESPONSE } from "../support/mqtt_connection.ts";

const test = (sentence: string, fn: () => Promise<void>) =>
  Deno.test({ name: sentence, ignore: !mosquittoAvailable(), fn });

test("a connection survives a restart of the broker, and so do its session and messages", async () => {
  await using broker = await Mosquitto.start();
  await using node = new Harness(broker);
  await node.events.next((event) => event === "connected");
  await broker.stop();
  await node.events.next((event) => event === "disconnected");
  await assertRejects(() => node.connection.publish(RESPONSE, "x"), Error, "Not connected to");
  await broker.restart();
  await node.events.next((event) => event === "resumed");
  await using client = await TestClient.connect(broker.url);
  await client.publish(COMMAND, "after the restart");
  assertEquals((await node.messages.next()).text, "after the restart");
});

test("500 messages at once are all acknowledged, and none is delivered again", async () => {
  await using broker = await Mosquitto.start();
  await using client = await TestClient.connect(broker.url);
  const texts = Array.from({ length: 500 }, (_, index) => `${index}`);
  {
    await using node = new Harness({
      port: broker.port,
      async onMessage(message) {
        await new Promise((resolve) => setImmediate(resolve));
        node.receive(message);
      },
    });
    await node.connection.whenConnected();
    await Promise.all(texts.map((text) => client.publish(COMMAND, text)));
    await node.messages.next(({ text }) => text === "499");
    assertEquals(node.messages.all.map(({ text }) => text), texts);
  }
  await using node = new Harness(broker);
  await node.connection.whenConnected();
  await client.publish(COMMAND, "another");
  assertEquals((await node.messages.next()).text, "another");
});

test("a broker that is killed while it waits for acknowledgements delivers again what it kept", async () => {
  await using broker = await Mosquitto.start({ saveEveryChange: true });
  const stored = Promise.withResolvers<void>();
  const taken = new Inbox<Inbound>();
  await using node = new Harness({
    port: broker.port,
    onMessage(message) {
      taken.push(message);
      return stored.promise;
    },
  });
  await node.connection.whenConnected();
  const client = await TestClient.connect(broker.url);
  await client.publish(COMMAND, "first");
  await client.publish(COMMAND, "second");
  await taken.next(({ packetId }) => packetId === 2);
  // mosquitto saves what has changed before it handles what comes next, from the second change on.
  for (const text of ["a", "b", "c"]) await client.publish("elsewhere", text, { retain: true });
  await client[Symbol.asyncDispose]();
  await broker.kill();
  await node.logger.logged("Lost the connection");
  // Too late: there is nobody to acknowledge it to.
  stored.resolve();
  await broker.restart();
  for (const expected of ["first", "second"]) {
    const { payload, dup, packetId, session } = await taken.next(({ dup }) => dup);
    assertEquals(new TextDecoder().decode(payload), expected);
    assertEquals({ dup, packetId, session }, {
      dup: true,
      packetId: expected === "first" ? 1 : 2,
      session: 1,
    });
  }
});

test("a broker that lost its sessions is subscribed to again", async () => {
  await using broker = await Mosquitto.start();
  await using node = new Harness(broker);
  await node.events.next((event) => event === "connected");
  await broker.kill();
  await broker.restart();
  await node.events.next((event) => event === "connected");
  await using client = await TestClient.connect(broker.url);
  await client.publish(COMMAND, "after the crash");
  assertEquals((await node.messages.next()).text, "after the crash");
});

test("a long outage is logged once, not for each attempt", async () => {
  await using broker = await Mosquitto.start();
  await using node = new Harness(broker);
  await node.connection.whenConnected();
  await broker.kill();
  for (let attempt = 0; attempt < 3; attempt++) {
    await node.logger.lines.next(({ level }) => level === "debug");
  }
  await broker.restart();
  await node.connection.whenConnected();
  const url = `mqtt://127.0.0.1:${broker.port}`;
  assertEquals(node.logger.shown, [
    `info: Connected to ${url} (MQTT 5, new session)`,
    `warn: Lost the connection to ${url}: the broker closed the connection; reconnecting`,
    `warn: Cannot connect to ${url}: connection refused; retrying`,
    `info: Connected to ${url} (MQTT 5, new session)`,
  ]);
});

test("a wrong password is logged once, and tried again, and never shown", async () => {
  await using broker = await Mosquitto.start({ users: { robot: "right-password" } });
  await using node = new Harness({
    port: broker.port,
    username: "robot",
    password: "wrong-password",
  });
  await node.logger.lines.next(({ level }) => level === "debug");
  assertEquals(node.logger.shown, [
    `error: Cannot connect to mqtt://127.0.0.1:${broker.port}: ` +
    'the broker rejected user name "robot" or its password; retrying ' +
    "(check CYBERWAVE_MQTT_USERNAME and CYBERWAVE_MQTT_PASSWORD, or the API token)",
  ]);
  assert(!node.logger.lines.all.some(({ message }) => message.includes("wrong-password")));
});

test("the right password is accepted", async () => {
  await using broker = await Mosquitto.start({ users: { robot: "right-password" } });
  const login = { username: "robot", password: "right-password" };
  await using node = new Harness({ port: broker.port, ...login });
  await node.connection.whenConnected();
});

test("a user name that is missing is asked for", async () => {
  await using broker = await Mosquitto.start({ users: { robot: "right-password" } });
  await using node = new Harness(broker);
  await node.logger.logged("the broker demands a user name and password");
});

test("a publish that the broker refuses is told apart from one that is lost", async () => {
  const acl = await Deno.makeTempFile();
  await Deno.writeTextFile(acl, "topic readwrite allowed\n");
  await using broker = await Mosquitto.start({ config: [`acl_file ${acl}`] });
  await using node = new Harness(broker);
  await node.connection.whenConnected();
  const error = await assertRejects(
    () => node.connection.publish("forbidden", "x"),
    PublishRefusedError,
    'The broker refused a message on topic "forbidden": not authorized (0x87)',
  );
  assertEquals(error.reasonCode, 0x87);
  await node.connection.publish("allowed", "x");
  await Deno.remove(acl);
});

test("the broker's limits are known, and a packet above them is not sent", async () => {
  const limits = ["max_packet_size 2000", "max_inflight_messages 7"];
  await using broker = await Mosquitto.start({ config: limits });
  await using node = new Harness(broker);
  await node.connection.whenConnected();
  assertEquals(node.connection.maxPacketSize, 2_000);
  assertEquals(node.connection.receiveMaximum, 7);
  const error = await assertRejects(
    () => node.connection.publish(RESPONSE, "é".repeat(1_000)),
    PublishRefusedError,
    "packet too large (0x95)",
  );
  assertEquals(error.reasonCode, 0x95);
  await node.connection.publish(RESPONSE, "é".repeat(900));
  assert(node.connection.connected);
});

test("a limit is unknown where the broker has none", async () => {
  await using broker = await Mosquitto.start();
  await using node = new Harness(broker);
  await node.connection.whenConnected();
  assertEquals(node.connection.maxPacketSize, undefined);
});

test("a publish is not sent over a limit by a single byte", async () => {
  await using broker = await Mosquitto.start({ config: ["max_packet_size 2000"] });
  await using node = new Harness(broker);
  await node.connection.whenConnected();
  let largest = 0;
  for (let size = 1_900; size <= 2_000; size++) {
    try {
      await node.connection.publish(RESPONSE, "x".repeat(size));
      largest = size;
    } catch (error) {
      assert(error instanceof PublishRefusedError);
    }
  }
  assert(largest > 1_920);
  assertEquals(node.events.all, ["connected"]);
});

test("a connection can be ended while a hundred publishes are under way", async () => {
  await using broker = await Mosquitto.start();
  const node = new Harness(broker);
  await node.connection.whenConnected();
  const publishes = Array.from(
    { length: 100 },
    (_, index) => node.connection.publish(RESPONSE, `${index}`),
  );
  const outcomes = Promise.allSettled(publishes);
  await node[Symbol.asyncDispose]();
  assertEquals((await outcomes).length, 100);
  assertStringIncludes(node.logger.shown.join(), "Connected");
});

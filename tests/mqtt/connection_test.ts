import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ANSWER_TIMEOUT_MS } from "../../src/mqtt/awaited_answers.ts";
import { EmbeddedBroker } from "../../src/dev/embedded_broker.ts";
import { BrokerError } from "../../src/errors.ts";
import type { Inbound } from "../../src/mqtt/message.ts";
import type { Clock } from "../../src/time.ts";
import { FakeClock } from "../support/clock.ts";
import { Inbox } from "../support/events.ts";
import { freePort, Mosquitto, mosquittoAvailable } from "../support/mosquitto.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { COMMAND, Harness, RESPONSE } from "../support/mqtt_connection.ts";

interface AnyBroker extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
}

const BROKERS: { name: string; start: () => Promise<AnyBroker>; ignore: boolean }[] = [
  { name: "mosquitto", start: () => Mosquitto.start(), ignore: !mosquittoAvailable() },
  { name: "the embedded broker", start: () => EmbeddedBroker.start(), ignore: false },
];

function clientOf({ host, port }: AnyBroker): Promise<TestClient> {
  return TestClient.connect(`mqtt://${host}:${port}`);
}

for (const { name, start, ignore } of BROKERS) {
  const test = (sentence: string, fn: () => Promise<void>) =>
    Deno.test({ name: `with ${name}, ${sentence}`, ignore, fn });

  test("a connection receives what is published on its topics", async () => {
    await using broker = await start();
    await using node = new Harness(broker);
    await node.connection.whenConnected();
    await using client = await clientOf(broker);
    await client.publish(COMMAND, "first");
    await client.publish("cyberwave/cloud-node/other/command", "not for us");
    await client.publish(COMMAND, "second");
    assertEquals(await node.messages.next(), { topic: COMMAND, text: "first", retained: false });
    assertEquals((await node.messages.next()).text, "second");
    assertEquals(node.logger.shown, [
      `info: Connected to mqtt://127.0.0.1:${broker.port} (MQTT 5, new session)`,
    ]);
  });

  test("publish resolves when the broker has acknowledged", async () => {
    await using broker = await start();
    await using node = new Harness(broker);
    await using client = await clientOf(broker);
    const replies = await client.collect(RESPONSE);
    await node.connection.whenConnected();
    await node.connection.publish(RESPONSE, "as text");
    await node.connection.publish(RESPONSE, new TextEncoder().encode("as bytes"));
    assertEquals((await replies.next()).text, "as text");
    assertEquals((await replies.next()).text, "as bytes");
  });

  test("what nobody misses is published at QoS 0, and dropped without a connection", async () => {
    await using broker = await start();
    await using client = await clientOf(broker);
    const replies = await client.collect(RESPONSE);
    await using node = new Harness(broker);
    node.connection.publishUnacknowledged(RESPONSE, "too early");
    await node.connection.whenConnected();
    node.connection.publishUnacknowledged(RESPONSE, "in time");
    await node.connection.publish(RESPONSE, "behind it");
    assertEquals((await replies.next()).text, "in time");
    assertEquals((await replies.next()).text, "behind it");
    assertEquals(replies.all.length, 2);
  });

  test("publish carries MQTT 5 properties", async () => {
    await using broker = await start();
    await using node = new Harness(broker);
    await using client = await clientOf(broker);
    const replies = await client.collect(RESPONSE);
    await node.connection.whenConnected();
    const properties = { responseTopic: "back/here", userProperties: { "X-Key": "v" } };
    await node.connection.publish(RESPONSE, "x", { properties });
    assertEquals({ ...(await replies.next()).properties?.userProperties }, { "X-Key": "v" });
  });

  test("what was sent while the node was away arrives when it is back", async () => {
    await using broker = await start();
    {
      await using node = new Harness(broker);
      await node.connection.whenConnected();
    }
    await using client = await clientOf(broker);
    await client.publish(COMMAND, "while away");
    await using node = new Harness(broker);
    assertEquals(await node.events.next(), "resumed");
    assertEquals((await node.messages.next()).text, "while away");
    assertStringIncludes(node.logger.shown[0], "(MQTT 5, session resumed)");
  });

  test("a message that was not taken in is delivered again", async () => {
    await using broker = await start();
    let failures = 0;
    const taken = new Inbox<string>();
    await using node = new Harness({
      ...broker,
      port: broker.port,
      onMessage({ payload }) {
        if (failures++ === 0) throw new Error("the disk is full");
        taken.push(new TextDecoder().decode(payload));
      },
    });
    await node.connection.whenConnected();
    await using client = await clientOf(broker);
    await client.publish(COMMAND, "precious");
    await client.publish(COMMAND, "next");
    assertEquals(await taken.next(), "precious");
    assertEquals(await taken.next(), "next");
    assertStringIncludes(
      node.logger.shown[1],
      `error: Lost the connection to mqtt://127.0.0.1:${broker.port}: ` +
        `a message on topic "${COMMAND}" was not taken in: the disk is full; reconnecting`,
    );
  });

  test("a message that was taken in is not delivered again", async () => {
    await using broker = await start();
    await using client = await clientOf(broker);
    {
      await using node = new Harness(broker);
      await node.connection.whenConnected();
      await client.publish(COMMAND, "once");
      await node.messages.next();
      // Answers come in order: when this one is there, the acknowledgement has arrived too.
      await node.connection.publish(RESPONSE, "done");
    }
    await using node = new Harness(broker);
    await node.connection.whenConnected();
    await client.publish(COMMAND, "another");
    assertEquals((await node.messages.next()).text, "another");
  });

  test("a message that comes again is known by its packet identifier within the session", async () => {
    await using broker = await start();
    const taken = new Inbox<Inbound>();
    const options = { port: broker.port, onMessage: (message: Inbound) => taken.push(message) };
    await using client = await clientOf(broker);
    {
      await using node = new Harness({
        ...options,
        onMessage(message) {
          taken.push(message);
          throw new Error("the disk is full");
        },
      });
      await node.connection.whenConnected();
      await client.publish(COMMAND, "precious");
      assertEquals((await taken.next()).session, 1);
      assertEquals((await taken.next()).session, 1);
    }
    await using node = new Harness(options);
    await node.connection.whenConnected();
    assertEquals((await taken.next()).session, 0, "it began before this connection did");
    assertEquals(new Set(taken.all.map(({ packetId }) => packetId)).size, 1);
    // mosquitto says that it delivers again, aedes does not.
    if (name === "mosquitto") assertEquals(taken.all.map(({ dup }) => dup), [false, true, true]);
  });

  test("after stopReceiving() messages stay with the broker, while others are still sent", async () => {
    await using broker = await start();
    await using client = await clientOf(broker);
    const replies = await client.collect(RESPONSE);
    const stored = Promise.withResolvers<void>();
    {
      await using node = new Harness({
        port: broker.port,
        onMessage(message) {
          node.receive(message);
          return stored.promise;
        },
      });
      await node.connection.whenConnected();
      await client.publish(COMMAND, "before");
      await node.messages.next();
      const stopped = node.connection.stopReceiving();
      await client.publish(COMMAND, "after");
      await node.connection.publish(RESPONSE, "a last reply");
      stored.resolve();
      await stopped;
      assertEquals((await replies.next()).text, "a last reply");
      assertEquals(node.messages.all.map(({ text }) => text), ["before"]);
    }
    await using node = new Harness(broker);
    assertEquals((await node.messages.next()).text, "after");
  });

  test("a connection publishes while a message it received is not stored yet", async () => {
    await using broker = await start();
    await using client = await clientOf(broker);
    const stored = Promise.withResolvers<void>();
    await using node = new Harness({
      port: broker.port,
      onMessage(message) {
        node.receive(message);
        return stored.promise;
      },
    });
    await node.connection.whenConnected();
    await client.publish(COMMAND, "slow");
    await node.messages.next();
    await node.connection.publish(RESPONSE, "not held up");
    stored.resolve();
  });

  test("a retained message is marked, and comes once for each session", async () => {
    await using broker = await start();
    await using client = await clientOf(broker);
    await client.publish(COMMAND, "kept", { retain: true });
    {
      await using node = new Harness(broker);
      assertEquals(await node.messages.next(), { topic: COMMAND, text: "kept", retained: true });
      await node.connection.whenConnected();
      await node.connection.publish(RESPONSE, "done");
    }
    await using node = new Harness(broker);
    await node.connection.whenConnected();
    await client.publish(COMMAND, "fresh");
    assertEquals(await node.messages.next(), { topic: COMMAND, text: "fresh", retained: false });
  });

  test("setTopics moves the subscriptions over", async () => {
    await using broker = await start();
    await using client = await clientOf(broker);
    await using node = new Harness(broker, ["old", "both"]);
    await node.connection.whenConnected();
    await node.connection.setTopics(["both", "new"]);
    for (const topic of ["old", "both", "new"]) await client.publish(topic, "x");
    assertEquals((await node.messages.next()).topic, "both");
    assertEquals((await node.messages.next()).topic, "new");
  });

  test("setTopics without a connection takes effect with the next one", async () => {
    await using broker = await start();
    await using client = await clientOf(broker);
    {
      await using node = new Harness(broker, ["old", "both"]);
      await node.connection.whenConnected();
    }
    await using node = new Harness(broker, ["old", "both"]);
    await node.connection.setTopics(["both", "new"]);
    await node.connection.whenConnected();
    for (const topic of ["old", "both", "new"]) await client.publish(topic, "x");
    assertEquals((await node.messages.next()).topic, "both");
    assertEquals((await node.messages.next()).topic, "new");
  });

  test("who is thrown out by a client with the same id waits longer each time, and says why", async () => {
    await using broker = await start();
    const { clock, waits } = impatient();
    await using node = new Harness({ port: broker.port, clock, random: () => 0.5 });
    for (const atLeast of [500, 1_000, 2_000, 4_000]) {
      await node.events.next((event) => event !== "disconnected");
      const url = `mqtt://127.0.0.1:${broker.port}`;
      await using _other = await TestClient.connect(url, { clientId: "node-1", clean: false });
      assert(await waits.next() >= atLeast);
    }
    const hints = node.logger.shown.filter((line) => line.includes("copy of this node's state"));
    assert(hints.length > 0, node.logger.shown.join("\n"));
  });
}

Deno.test("publish without a connection is refused at once", async () => {
  await using node = new Harness({ port: freePort() });
  assert(!node.connection.connected);
  await assertRejects(
    () => node.connection.publish(RESPONSE, "x"),
    BrokerError,
    "Not connected to mqtt://127.0.0.1:",
  );
});

Deno.test("a broker's IPv6 address stands in brackets", async () => {
  await using plain = new Harness({ port: 1883, host: "::1" });
  await using secure = new Harness({ port: 8883, host: "fe80::1", tls: {} });
  assertEquals(plain.connection.url, "mqtt://[::1]:1883");
  assertEquals(secure.connection.url, "mqtts://[fe80::1]:8883");
});

Deno.test("a broker that is down at start is waited for, and logged once", async () => {
  const port = freePort();
  await using node = new Harness({ port });
  await node.logger.lines.next(({ level }) => level === "debug");
  await using _broker = await EmbeddedBroker.start({ port });
  await node.connection.whenConnected();
  assertEquals(node.logger.shown, [
    `warn: Cannot connect to mqtt://127.0.0.1:${port}: connection refused; retrying`,
    `info: Connected to mqtt://127.0.0.1:${port} (MQTT 5, new session)`,
  ]);
});

Deno.test("an outage is said again as it gets older, with what to check, and its end with how long it took", async () => {
  const port = freePort();
  const clock = new FakeClock();
  await using node = new Harness({ port, clock, random: () => 1 });
  await node.logger.logged("connection refused; retrying");
  const said: string[] = [];
  node.logger.lines.all.splice(0);
  for (let retries = 0; said.length < 3; retries++) {
    await clock.advance(await clock.sleeping());
    await node.logger.lines.next();
    said.push(...node.logger.shown.splice(said.length));
  }
  const hint = "check that the broker runs, and mqtt_host and mqtt_port";
  assertEquals(
    said,
    ["1 min 1 s", "5 min 1 s", "15 min 1 s"].map((age) =>
      `warn: Still not connected to mqtt://127.0.0.1:${port} after ${age}: connection refused (${hint})`
    ),
  );
  await using _broker = await EmbeddedBroker.start({ port });
  await clock.advance(await clock.sleeping());
  await node.logger.logged("(MQTT 5, new session) after 15 min");
});

Deno.test("another reason for being down is logged too", async () => {
  const port = freePort();
  await using node = new Harness({ port });
  await node.logger.logged("connection refused");
  using _server = hangingUp(port);
  await node.logger.logged("the broker closed the connection");
});

Deno.test("ending it while it connects leaves nothing behind", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  {
    await using _atOnce = new Harness({ port: silent.addr.port });
  }
  await using _waitingForConnack = new Harness({ port: silent.addr.port });
  (await silent.accept()).close();
  const socket = await silent.accept();
  await socket.read(new Uint8Array(1));
  socket.close();
});

Deno.test("who waits for a connection that is ended is told", async () => {
  const node = new Harness({ port: freePort() });
  const waiting = node.connection.whenConnected();
  await node[Symbol.asyncDispose]();
  await assertRejects(() => waiting, BrokerError, "was closed");
});

Deno.test("who waits for a connection may give up", async () => {
  await using node = new Harness({ port: freePort() });
  const giveUp = new AbortController();
  const waiting = node.connection.whenConnected(giveUp.signal);
  giveUp.abort(new Error("enough"));
  await assertRejects(() => waiting, Error, "enough");
});

Deno.test("waits between attempts grow to 30 s, with full jitter", async () => {
  const { clock, waits } = impatient();
  await using _node = new Harness({ port: freePort(), clock, random: () => 0.5 });
  await waits.next((ms) => ms === 15_000);
  assertEquals(waits.all.slice(0, 6), [500, 1_000, 2_000, 4_000, 8_000, 15_000]);
});

/** A clock on which no time passes and whose waits between attempts are over at once. */
function impatient(): { clock: Clock; waits: Inbox<number> } {
  const waits = new Inbox<number>();
  const sleep = (ms: number, signal?: AbortSignal) => {
    if (ms === ANSWER_TIMEOUT_MS) return new FakeClock().sleep(ms, signal);
    waits.push(ms);
    return Promise.resolve();
  };
  return { clock: { now: () => 0, monotonic: () => 0, sleep }, waits };
}

/** A server that closes every connection at once. */
function hangingUp(port: number): Disposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port });
  (async () => {
    for await (const socket of listener) socket.close();
  })();
  return listener;
}

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { UnacknowledgedError } from "../../src/mqtt/awaited_answers.ts";
import { FakeClock } from "../support/clock.ts";
import { Inbox } from "../support/events.ts";
import { Harness, RESPONSE } from "../support/mqtt_connection.ts";
import { packet, serve } from "../support/raw_broker.ts";

/** A broker that accepts clients, answers SUBSCRIBE if told to, and nothing else. */
function silent(options: { connack?: number[]; answersSubscribe: boolean }) {
  const { connack = [0x20, 3, 0, 0, 0], answersSubscribe } = options;
  const packets = new Inbox<"CONNECT" | "SUBSCRIBE" | "PUBLISH">();
  const broker = serve(async (socket) => {
    await packet(socket);
    packets.push("CONNECT");
    await socket.write(new Uint8Array(connack));
    const subscribe = await packet(socket);
    packets.push("SUBSCRIBE");
    if (answersSubscribe) {
      await socket.write(new Uint8Array([0x90, 4, subscribe[0], subscribe[1], 0, 1]));
      await packet(socket);
      packets.push("PUBLISH");
    }
    for await (const _ of socket.readable);
  });
  return { broker, packets };
}

Deno.test("a broker that never answers SUBSCRIBE is left after 30 s, with a warning and a retry", async () => {
  const { broker, packets } = silent({ answersSubscribe: false });
  await using _broker = broker;
  const clock = new FakeClock();
  await using node = new Harness({ port: broker.port, clock });
  await packets.next((name) => name === "SUBSCRIBE");
  await clock.sleepingFor(30_000);
  await clock.advance(29_999);
  assertEquals(node.logger.shown, []);
  await clock.advance(1);
  assertStringIncludes(
    await node.logger.logged("Cannot connect"),
    `Cannot connect to mqtt://127.0.0.1:${broker.port}: ` +
      "the broker has not answered SUBSCRIBE for 30 s; retrying",
  );
  await clock.sleepingFor(2);
  await clock.advance(2);
  await packets.next((name) => name === "SUBSCRIBE");
});

Deno.test("a broker that never acknowledges a message is left after 30 s", async () => {
  const { broker, packets } = silent({ answersSubscribe: true });
  await using _broker = broker;
  const clock = new FakeClock();
  await using node = new Harness({ port: broker.port, clock });
  await node.connection.whenConnected();
  // Nothing has been awaited since SUBACK: the time of this message begins with it.
  await clock.advance(30_000);
  const lost = assertRejects(
    () => node.connection.publish(RESPONSE, "x"),
    UnacknowledgedError,
    "The message is not acknowledged: the broker has not answered PUBLISH for 30 s",
  );
  await packets.next((name) => name === "PUBLISH");
  await clock.advance(30_000);
  assertEquals((await lost).failure.closing, "unanswered");
  await node.logger.logged("the broker has not answered PUBLISH for 30 s; reconnecting");
});

Deno.test("a broker that takes no message at all is said to violate MQTT", async () => {
  const receiveMaximum0 = [0x20, 6, 0, 0, 3, 0x21, 0, 0];
  const { broker } = silent({ connack: receiveMaximum0, answersSubscribe: false });
  await using _broker = broker;
  await using node = new Harness({ port: broker.port, clock: new FakeClock() });
  await node.logger.logged("the broker violates MQTT: its Receive Maximum is 0; retrying");
  assertEquals(node.events.all, []);
});

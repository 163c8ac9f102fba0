import { assertEquals } from "@std/assert";
import { MqttLink, type Receiver } from "../../src/mqtt/link.ts";
import { packet, serve } from "../support/raw_broker.ts";

/** MQTT 3.1.1: accepted. */
const CONNACK = [0x20, 2, 0, 0];

/** A message at QoS 1 on the topic `t`, with nothing in it. */
function publish(id: number): number[] {
  return [0x32, 5, 0, 1, "t".charCodeAt(0), id >> 8, id & 0xff];
}

/** What a link sends that gets `count` messages at once, from its acceptance to its end. */
async function sent(
  count: number,
  receiver: (link: () => MqttLink) => Receiver,
): Promise<{ packets: number[][]; failure: string }> {
  const received: number[] = [];
  await using broker = serve(async (socket) => {
    await packet(socket);
    const messages = Array.from({ length: count }, (_, index) => publish(index + 1)).flat();
    await socket.write(new Uint8Array([...CONNACK, ...messages]));
    for await (const bytes of socket.readable) received.push(...bytes);
  });
  const options = { host: "127.0.0.1", port: broker.port, clientId: "c" };
  const link: MqttLink = new MqttLink(options, 4, receiver(() => link));
  const { why } = await link.closed;
  // mqtt.js ends a stream of its own in a timer of 0 ms.
  await new Promise((resolve) => setTimeout(resolve, 0));
  const packets: number[][] = [];
  for (let at = 0; at < received.length; at += 2 + received[at + 1]) {
    packets.push(received.slice(at, at + 2 + received[at + 1]));
  }
  return { packets, failure: why };
}

const DISCONNECT = [0xe0, 0];
const puback = (id: number) => [0x40, 2, id >> 8, id & 0xff];

/** More acknowledgements than a socket takes before it asks to wait. */
const MANY = 10_000;

Deno.test("messages are acknowledged when what came with them is settled", async () => {
  let taken = 0;
  let settled = 0;
  const { packets } = await sent(MANY, (link) => ({
    onMessage: () => taken++,
    settle: () => {
      settled = taken;
      if (settled === MANY) link().close();
    },
  }));
  assertEquals(packets.slice(0, settled), Array.from({ length: MANY }, (_, i) => puback(i + 1)));
});

Deno.test("when nothing can be settled nothing is acknowledged, and the connection is dropped", async () => {
  const { packets, failure } = await sent(MANY, () => ({
    onMessage: () => {},
    settle: () => {
      throw new Error("the disk is gone");
    },
  }));
  assertEquals(packets, []);
  assertEquals(failure, "messages were not remembered: the disk is gone");
});

Deno.test("a link that is closed settles what it acknowledges", async () => {
  let isSettled = false;
  const { packets } = await sent(1, (link) => ({
    onMessage: () => queueMicrotask(() => link().close()),
    settle: () => isSettled = true,
  }));
  assertEquals([packets, isSettled], [[puback(1), DISCONNECT], true]);
});

Deno.test("a link that is closed acknowledges nothing that cannot be settled", async () => {
  const { packets, failure } = await sent(1, (link) => ({
    onMessage: () => queueMicrotask(() => link().close()),
    settle: () => {
      throw new Error("the disk is gone");
    },
  }));
  assertEquals(packets, []);
  assertEquals(failure, "messages were not remembered: the disk is gone");
});

Deno.test("what came before a message that cannot be taken in is acknowledged, and not delivered again", async () => {
  let taken = 0;
  const { packets, failure } = await sent(4, () => ({
    onMessage: () => {
      if (++taken === 3) throw new Error("not this one");
    },
  }));
  assertEquals([packets, taken], [[puback(1), puback(2), DISCONNECT], 3]);
  assertEquals(failure, 'a message on topic "t" was not taken in: not this one');
});

import { assert, assertEquals } from "@std/assert";
import { UnacknowledgedError } from "../../src/mqtt/awaited_answers.ts";
import { MqttLink } from "../../src/mqtt/link.ts";
import type { Inbound, Receiver } from "../../src/mqtt/message.ts";
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

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

Deno.test("messages are acknowledged together, in the order in which they came", async () => {
  const count = 10_000;
  let taken = 0;
  const { packets } = await sent(count, (link) => ({
    onMessage: () => {
      if (++taken === count) link().close();
    },
  }));
  assertEquals(packets, [...numbers(count).map(puback), DISCONNECT]);
});

Deno.test("messages are handed on before those ahead of them are stored", async () => {
  const stored = Promise.withResolvers<void>();
  let taken = 0;
  const { packets } = await sent(3, (link) => ({
    onMessage: () => {
      if (++taken === 3) {
        stored.resolve();
        link().close();
      }
      return stored.promise;
    },
  }));
  assertEquals(packets, [puback(1), puback(2), puback(3), DISCONNECT]);
});

Deno.test("a link that is closed acknowledges what is stored, and leaves the rest after two seconds", async () => {
  const { packets } = await sent(2, (link) => ({
    onMessage: ({ packetId }) => {
      if (packetId === 1) return;
      link().close();
      return new Promise(() => {});
    },
  }));
  assertEquals(packets, [puback(1)]);
});

Deno.test("when a message cannot be stored, those before it are acknowledged, and none from there on", async () => {
  const { packets, failure } = await sent(4, () => ({
    onMessage: ({ packetId }) =>
      packetId === 3 ? Promise.reject(new Error("the disk is full")) : Promise.resolve(),
  }));
  assertEquals(packets, [puback(1), puback(2), DISCONNECT]);
  assertEquals(failure, 'a message on topic "t" was not taken in: the disk is full');
});

Deno.test("a receiver that throws acknowledges nothing", async () => {
  const { packets, failure } = await sent(1, () => ({
    onMessage: () => {
      throw new Error("not this one");
    },
  }));
  assertEquals(packets, [DISCONNECT]);
  assertEquals(failure, 'a message on topic "t" was not taken in: not this one');
});

Deno.test("after stopReceiving() messages are neither handed on nor acknowledged", async () => {
  const taken: unknown[] = [];
  const { packets } = await sent(3, (link) => ({
    onMessage: async ({ packetId }) => {
      taken.push(packetId);
      link().stopReceiving().then(() => link().close());
      await new Promise((resolve) => setTimeout(resolve, 0));
    },
  }));
  assertEquals([taken, packets], [[1], [puback(1), DISCONNECT]]);
});

Deno.test("a message says how it can be recognised when it comes again", async () => {
  const taken: Partial<Inbound>[] = [];
  await sent(1, (link) => ({
    onMessage: ({ dup, packetId, session }) => {
      taken.push({ dup, packetId, session });
      link().close();
    },
  }));
  assertEquals(taken, [{ dup: false, packetId: 1, session: 1 }]);
});

Deno.test("what is published while a message is taken in leaves before its acknowledgement", async () => {
  const { packets } = await sent(1, (link) => ({
    onMessage: () => {
      link().publish("t", "").catch(() => {});
      link().close();
    },
  }));
  const [published, ...rest] = packets;
  assertEquals([published[0] & 0xf0, rest], [0x30, [puback(1), DISCONNECT]]);
});

Deno.test("a message that is lost because its own side closed the link casts no suspicion on it", async () => {
  let lost: Promise<unknown> | undefined;
  await sent(1, (link) => ({
    onMessage: () => {
      lost = link().publish("t", "").catch((error) => error);
      link().close();
    },
  }));
  const error = await lost;
  assert(error instanceof UnacknowledgedError);
  assertEquals(error.failure, { kind: "outage", why: "the connection was closed" });
});

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { EmbeddedBroker } from "../../src/dev/embedded_broker.ts";
import { BrokerError } from "../../src/errors.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { COMMAND, Harness, RESPONSE } from "../support/mqtt_connection.ts";
import { packet, serve } from "../support/raw_broker.ts";

const CONNACK_OK = [0x20, 3, 0, 0, 0];
// SUBACK for the packet identifier at the start of `rest`, which refuses the one topic.
const subackRefused = (rest: Uint8Array) => [0x90, 4, rest[0], rest[1], 0, 0x87];
const subackGranted = (rest: Uint8Array) => [0x90, 4, rest[0], rest[1], 0, 0x01];

const OLD_BROKERS: { refusal: string; answer: number[] }[] = [
  { refusal: "with CONNACK 0x84, as MQTT 5 has it", answer: [0x20, 3, 0, 0x84, 0] },
  { refusal: "with CONNACK 1, as MQTT 3.1.1 has it", answer: [0x20, 2, 0, 1] },
  { refusal: "by closing the connection", answer: [] },
];

for (const { refusal, answer } of OLD_BROKERS) {
  Deno.test(`MQTT 3.1.1 is spoken to a broker that refuses 5 ${refusal}`, async () => {
    await using broker = await EmbeddedBroker.start();
    await using old = serve(async (socket) => {
      const connect = await packet(socket);
      if (connect.at(6) === 5) {
        await socket.write(new Uint8Array(answer));
        return;
      }
      const server = await Deno.connect({ hostname: broker.host, port: broker.port });
      await server.write(new Uint8Array([0x10, connect.length, ...connect]));
      await Promise.allSettled([
        socket.readable.pipeTo(server.writable),
        server.readable.pipeTo(socket.writable),
      ]);
    });
    await using client = await TestClient.connect(`mqtt://${broker.host}:${broker.port}`);
    const replies = await client.collect(RESPONSE);
    await using node = new Harness(old);
    await node.connection.whenConnected();
    await node.connection.publish(RESPONSE, "hello");
    assertEquals((await replies.next()).text, "hello");
    await client.publish(COMMAND, "hello yourself");
    assertEquals((await node.messages.next()).text, "hello yourself");
    assertStringIncludes(node.logger.shown.at(-1)!, "(MQTT 3.1.1, new session)");
  });
}

/** Lets a client connect and subscribe to one topic, answering SUBSCRIBE with `suback`. */
async function welcome(
  socket: Deno.TcpConn,
  suback: (rest: Uint8Array) => number[],
): Promise<void> {
  await packet(socket);
  await socket.write(new Uint8Array(CONNACK_OK));
  await socket.write(new Uint8Array(suback(await packet(socket))));
}

Deno.test("a publish that the broker never acknowledged is rejected when it is lost", async () => {
  await using broker = serve(async (socket) => {
    await welcome(socket, subackGranted);
    await packet(socket);
  });
  await using node = new Harness(broker);
  await node.connection.whenConnected();
  await assertRejects(
    () => node.connection.publish(RESPONSE, "x"),
    BrokerError,
    "The message is not acknowledged: the broker closed the connection",
  );
});

Deno.test("who publishes again as soon as a publish is lost is told that there is no connection", async () => {
  await using broker = serve(async (socket) => {
    await welcome(socket, subackGranted);
    await packet(socket);
  });
  await using node = new Harness(broker);
  await node.connection.whenConnected();
  const again = node.connection.publish(RESPONSE, "x")
    .catch(() => node.connection.publish(RESPONSE, "x"));
  await assertRejects(() => again, BrokerError, "Not connected to mqtt://127.0.0.1:");
});

Deno.test("a refused subscription is an error that names the topic, and the connection stays", async () => {
  const done = Promise.withResolvers<void>();
  await using broker = serve(async (socket) => {
    await welcome(socket, subackRefused);
    await done.promise;
  });
  {
    await using node = new Harness(broker);
    await node.connection.whenConnected();
    assertStringIncludes(
      node.logger.shown[0],
      `error: The broker refused the subscription to "${COMMAND}": not authorized (0x87)`,
    );
    done.resolve();
  }
});

Deno.test("what is no MQTT at all is an outage like any other", async () => {
  await using server = serve(async (socket) => {
    await packet(socket);
    await socket.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
  });
  await using node = new Harness(server);
  assertStringIncludes(await node.logger.logged("Cannot connect"), "retrying");
});

Deno.test("a broker that does not hang up is left after two seconds", async () => {
  const left = Promise.withResolvers<void>();
  await using broker = serve(async (socket) => {
    await welcome(socket, subackGranted);
    await left.promise;
  });
  const node = new Harness(broker);
  await node.connection.whenConnected();
  await node[Symbol.asyncDispose]();
  left.resolve();
});

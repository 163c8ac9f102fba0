import { assertEquals, assertStringIncludes } from "@std/assert";
import { publisherOver } from "../../src/node/publisher.ts";
import { Outbox } from "../../src/outbox/outbox.ts";
import { encodeReply, okReply, whole } from "../../src/protocol/response.ts";
import { systemClock } from "../../src/time.ts";
import { message, TestJournal } from "../support/journal.ts";
import { Mosquitto, mosquittoAvailable } from "../support/mosquitto.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { Harness, RESPONSE } from "../support/mqtt_connection.ts";
import { serve } from "../support/raw_broker.ts";

const test = (sentence: string, fn: () => Promise<void>) =>
  Deno.test({ name: sentence, ignore: !mosquittoAvailable(), fn });

/** A node's outbox over a real connection to the broker at `port`. */
function connect(port: number, journal: TestJournal): { node: Harness; outbox: Outbox } {
  const node = new Harness({ port, onConnected: () => outbox.connected() });
  const outbox = new Outbox({
    store: journal.journal.messages,
    publisher: publisherOver(node.connection, {
      token: { value: "token" },
      responseTopic: "answers",
    }),
    clock: systemClock,
    logger: journal.logger,
  });
  return { node, outbox };
}

/** Stands before a broker, and hangs up on whoever sends it more than 200 kB over one connection. */
function hangingUp(port: number) {
  return serve(async (client) => {
    const server = await Deno.connect({ hostname: "127.0.0.1", port });
    let bytes = 0;
    const meter = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        bytes += chunk.length;
        if (bytes > 200_000) controller.error(new Error("too much"));
        else controller.enqueue(chunk);
      },
    });
    await Promise.race([
      client.readable.pipeThrough(meter).pipeTo(server.writable),
      server.readable.pipeTo(client.writable),
    ]).finally(() => {
      for (const socket of [client, server]) {
        try {
          socket.close();
        } catch {
          // Piping has closed it already.
        }
      }
    });
  });
}

test("a reply that a broker hangs up on is cut, and those behind it arrive", async () => {
  await using broker = await Mosquitto.start();
  await using strict = hangingUp(broker.port);
  await using client = await TestClient.connect(broker.url);
  const replies = await client.collect(RESPONSE);
  using journal = new TestJournal();
  const reply = okReply({ slug: "s", uuid: "u" }, "large", whole("x".repeat(300_000)));
  const { node, outbox } = connect(strict.port, journal);
  await using _node = node;
  outbox.post({ topic: RESPONSE, payload: encodeReply(reply) });
  outbox.post(message("small", RESPONSE));
  const cut = JSON.parse((await replies.next(({ text }) => text !== "small")).text);
  assertEquals([cut.request_id, cut.status, cut.output_truncated], ["large", "ok", true]);
  await replies.next(({ text }) => text === "small");
  assertEquals(await outbox.drained(new AbortController().signal), 0);
  assertStringIncludes(journal.logger.shown.at(-1)!, 'the reply to "large"');
  outbox.close();
});

test("a topic that an earlier version stored and no broker takes blocks nothing", async () => {
  await using broker = await Mosquitto.start();
  await using client = await TestClient.connect(broker.url);
  const replies = await client.collect(RESPONSE);
  using journal = new TestJournal();
  journal.journal.messages.post(message("bad", "cyberwave/cloud-workload/x\u0085y/update-status"));
  journal.journal.messages.post(message("good", RESPONSE));
  const { node, outbox } = connect(broker.port, journal);
  await using _node = node;
  assertEquals((await replies.next()).text, "good");
  assertEquals(await outbox.drained(new AbortController().signal), 0);
  assertEquals(node.events.all, [], "the broker never hung up");
  assertEquals(node.logger.shown.length, 1);
  outbox.close();
});

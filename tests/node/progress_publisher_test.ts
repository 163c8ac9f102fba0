import { assertEquals, assertStringIncludes } from "@std/assert";
import { NodeEvents } from "../../src/node/events.ts";
import { ProgressOverMqtt } from "../../src/node/progress_publisher.ts";
import { FakeClock } from "../support/clock.ts";
import { newCommand } from "../support/journal.ts";
import { RecordingLogger } from "../support/events.ts";

function scene() {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const events = new NodeEvents(logger);
  const sent: string[] = [];
  const connection = { publishUnacknowledged: (topic: string) => void sent.push(topic) };
  const publisher = new ProgressOverMqtt({ connection, prefix: "dev", events, clock, logger });
  const publish = () => publisher.publish(newCommand("c1"), { progress: 1 });
  /** A connection that is lost `ms` after progress was published over it. */
  const lostAfter = async (ms: number) => {
    events.emit("connection", { isConnected: true });
    publish();
    await clock.advance(ms);
    events.emit("connection", { isConnected: false });
  };
  return { clock, logger, events, sent, publish, lostAfter };
}

Deno.test("a broker that closes the connection over progress gets none any more", async () => {
  const { logger, sent, publish, lostAfter } = scene();
  for (const _ of Array(3)) await lostAfter(100);
  publish();
  assertEquals(sent.length, 3);
  const [line, ...more] = logger.shown;
  assertStringIncludes(line!, 'progress was published on "devcyberwave/cloud-node/');
  assertEquals(more, []);
});

Deno.test("connections that are lost for other reasons keep no progress back", async () => {
  const { clock, logger, events, sent, publish, lostAfter } = scene();
  for (const _ of Array(2)) await lostAfter(100);
  // None is lost that is not there.
  publish();
  // One that lasts.
  events.emit("connection", { isConnected: true });
  publish();
  await clock.advance(3_000);
  publish();
  events.emit("connection", { isConnected: false });
  for (const _ of Array(5)) events.emit("connection", { isConnected: false });
  for (const _ of Array(2)) await lostAfter(100);
  publish();
  assertEquals([sent.length, logger.shown], [8, []]);
});

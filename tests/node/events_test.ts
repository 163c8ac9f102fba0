import { assertEquals } from "@std/assert";
import { NodeEvents } from "../../src/node/events.ts";
import { RecordingLogger } from "../support/events.ts";

const READY = { uuid: "u-1", slug: "my-node" };

Deno.test("each listener hears the events it asked for, until it is removed", () => {
  const events = new NodeEvents(new RecordingLogger());
  const heard: unknown[] = [];
  const remove = events.on("ready", ({ uuid }) => heard.push(uuid));
  events.on("ready", ({ slug }) => heard.push(slug));
  events.on("heartbeat", ({ at }) => heard.push(at));
  events.emit("ready", READY);
  remove();
  events.emit("ready", READY);
  events.emit("connection", { isConnected: true });
  assertEquals(heard, ["u-1", "my-node", "my-node"]);
});

Deno.test("a listener that throws or rejects is logged, and the others hear the event", async () => {
  const logger = new RecordingLogger();
  const events = new NodeEvents(logger);
  const heard: string[] = [];
  events.on("ready", () => {
    throw new Error("thrown");
  });
  events.on("ready", () => Promise.reject(new Error("rejected")));
  events.on("ready", ({ uuid }) => heard.push(uuid));
  events.emit("ready", READY);
  assertEquals(heard, ["u-1"]);
  await logger.logged("A listener to ready events failed: thrown");
  await logger.logged("A listener to ready events failed: rejected");
});

Deno.test("a listener that another one removes does not hear the event", () => {
  const events = new NodeEvents(new RecordingLogger());
  const heard: string[] = [];
  events.on("ready", () => remove());
  const remove = events.on("ready", ({ uuid }) => heard.push(uuid));
  events.emit("ready", READY);
  assertEquals(heard, []);
});

Deno.test("a listener that is added by another one hears the next event", () => {
  const events = new NodeEvents(new RecordingLogger());
  let calls = 0;
  const again = () => {
    calls++;
    events.on("ready", again);
  };
  events.on("ready", again);
  events.emit("ready", READY);
  assertEquals(calls, 1);
});

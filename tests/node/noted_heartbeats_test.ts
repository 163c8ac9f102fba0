import { assertEquals } from "@std/assert";
import { CurrentIdentity } from "../../src/node/current_identity.ts";
import { NodeEvents } from "../../src/node/events.ts";
import { notedHeartbeats } from "../../src/node/noted_heartbeats.ts";
import { FakeClock } from "../support/clock.ts";
import { RecordingLogger } from "../support/events.ts";

Deno.test("only heartbeats that the backend has taken are noted and reported", async () => {
  const clock = new FakeClock();
  const identity = new CurrentIdentity("");
  const events = new NodeEvents(new RecordingLogger());
  const reported: number[] = [];
  events.on("heartbeat", ({ at }) => reported.push(at));
  let answer: "alive" | "gone" = "gone";
  const backend = { heartbeat: () => Promise.resolve(answer) };
  const api = notedHeartbeats({ backend, identity, events, clock });
  const instance = { uuid: "u-1", slug: "my-node", workspaceSlug: null, registeredAt: "" };
  assertEquals([await api.heartbeat(instance), identity.lastHeartbeat], ["gone", undefined]);
  answer = "alive";
  assertEquals(await api.heartbeat(instance), "alive");
  assertEquals([identity.lastHeartbeat, reported], [clock.now(), [clock.now()]]);
});

import { assertEquals, assertMatch } from "@std/assert";
import { RestBackend } from "../../src/backend/rest_backend.ts";
import { EmulatedBackend } from "../../src/dev/rest_front_end.ts";
import { reportEnd } from "../../src/registration/report_end.ts";
import { FakeClock } from "../support/clock.ts";
import { RecordingLogger } from "../support/events.ts";

async function setup() {
  const backend = EmulatedBackend.start();
  const rest = new RestBackend({ apiUrl: backend.url, token: backend.token });
  const instance = await rest.createInstance({ profileSlug: "default" });
  const parts = { clock: new FakeClock(), logger: new RecordingLogger() };
  return {
    ...parts,
    backend,
    instance: backend.instances.get(instance.uuid)!,
    terminate: () => reportEnd("terminated", (signal) => rest.terminated(instance, signal), parts),
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}

Deno.test("the backend hears that the node is no more", async () => {
  await using node = await setup();
  await node.terminate();
  assertEquals(node.instance.status, "terminated");
  assertEquals(node.logger.shown, []);
});

Deno.test("a backend that refuses the farewell is only a warning", async () => {
  await using node = await setup();
  node.backend.answerNext(() => true, () => new Response(null, { status: 500 }));
  await node.terminate();
  assertMatch(
    node.logger.shown[0],
    /^warn: Cannot tell the backend that this node terminated: POST .* answered 500$/,
  );
});

Deno.test("a backend that does not answer does not hold the node for long", async () => {
  await using node = await setup();
  node.backend.answerNext(() => true, () => new Promise(() => {}));
  const said = node.terminate();
  assertEquals(await node.clock.sleeping(), 5_000);
  await node.clock.advance(5_000);
  await said;
  assertEquals(node.logger.shown, [
    "warn: Cannot tell the backend that this node terminated: no answer within 5 s",
  ]);
});

import { assertEquals, assertMatch } from "@std/assert";
import { RestBackend } from "../../src/backend/rest_backend.ts";
import { EmulatedBackend } from "../../src/dev/rest_front_end.ts";
import { reportFailed, reportTerminated } from "../../src/registration/report_end.ts";
import { FakeClock } from "../support/clock.ts";
import { RecordingLogger } from "../support/events.ts";

async function setup() {
  const backend = EmulatedBackend.start();
  const rest = new RestBackend({ apiUrl: backend.url, token: backend.token });
  const instance = await rest.createInstance({ profileSlug: "default" });
  const parts = { api: rest, clock: new FakeClock(), logger: new RecordingLogger() };
  return {
    ...parts,
    backend,
    instance: backend.instances.get(instance.uuid)!,
    terminate: (deadline?: AbortSignal) => reportTerminated(instance, parts, deadline),
    fail: (error: string) => reportFailed(instance, error, parts),
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}

Deno.test("the backend learns that the node has stopped", async () => {
  await using node = await setup();
  await node.terminate();
  assertEquals(node.instance.status, "terminated");
  assertEquals(node.logger.shown, []);
});

Deno.test("a backend that refuses the report is only a warning", async () => {
  await using node = await setup();
  node.backend.answerNext(() => true, () => new Response(null, { status: 500 }));
  await node.terminate();
  assertMatch(
    node.logger.shown[0],
    /^warn: Cannot report that this node has stopped: POST .* answered 500$/,
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
    "warn: Cannot report that this node has stopped: the backend did not answer in time",
  ]);
});

Deno.test("the report ends at the deadline of the stop, when that comes first", async () => {
  await using node = await setup();
  node.backend.answerNext(() => true, () => new Promise(() => {}));
  const deadline = new AbortController();
  const reported = node.terminate(deadline.signal);
  await node.backend.nextCall(({ path }) => path.endsWith("/terminated"));
  deadline.abort();
  await reported;
  await node.terminate(deadline.signal);
  assertEquals(node.logger.shown, [
    "warn: Cannot report that this node has stopped: the backend did not answer in time",
    "warn: Cannot report that this node has stopped: there was no time left",
  ]);
});

Deno.test("the backend learns why the node cannot work", async () => {
  await using node = await setup();
  await node.fail("no CUDA here");
  assertEquals([node.instance.status, node.instance.error], ["failed", "no CUDA here"]);
});

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { RestBackend } from "../../src/backend/rest_backend.ts";
import type { Call } from "../../src/dev/rest_calls.ts";
import { EmulatedBackend } from "../../src/dev/rest_front_end.ts";
import { AuthenticationError } from "../../src/errors.ts";
import { sendHeartbeats } from "../../src/registration/heartbeat.ts";
import type { Identity } from "../../src/registration/identity.ts";
import { FakeClock } from "../support/clock.ts";
import { RecordingLogger } from "../support/events.ts";
import { TestToken } from "../support/tokens.ts";

const INTERVAL = 30_000;
const heartbeat = ({ path }: Call) => path.endsWith("/heartbeat");

function answer(status: number, message: string) {
  return () => Response.json({ message }, { status });
}

/** A registered node that sends heartbeats; becomes a new instance when the backend gives it up. */
async function setup(replace: () => Promise<void> = () => Promise.resolve()) {
  const backend = EmulatedBackend.start();
  const tokens = await TestToken.create();
  const token = tokens.start(backend.token);
  const rest = new RestBackend({
    apiUrl: backend.url,
    get token() {
      return token.value;
    },
  });
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const create = async (): Promise<Identity> => ({
    ...await rest.createInstance({ profileSlug: "default", slug: "my-node" }),
    workspaceSlug: null,
    registeredAt: "",
  });
  let identity = await create();
  const stop = new AbortController();
  return {
    backend,
    tokens,
    clock,
    logger,
    stop,
    get identity() {
      return identity;
    },
    run: () =>
      sendHeartbeats({
        api: rest,
        token,
        identity: () => identity,
        intervalMs: INTERVAL,
        clock,
        logger,
        onGone: async () => {
          await replace();
          identity = await create();
        },
      }, stop.signal),
    /** Resolves after the next heartbeat, when the node waits for the one after it. */
    async beat(): Promise<Call> {
      const call = await backend.nextCall(heartbeat);
      await clock.sleeping();
      return call;
    },
    async [Symbol.asyncDispose]() {
      await backend[Symbol.asyncDispose]();
      await tokens[Symbol.asyncDispose]();
    },
  };
}

Deno.test("the first heartbeat comes at once, the others every interval, until stopped", async () => {
  await using node = await setup();
  const running = node.run();
  for (let count = 1; count <= 3; count++) {
    assertEquals((await node.beat()).path, `/api/v1/cloud-node/${node.identity.uuid}/heartbeat`);
    assertEquals(await node.clock.sleeping(), INTERVAL);
    await node.clock.advance(INTERVAL - 1);
    assertEquals(node.backend.calls.filter(heartbeat).length, count);
    await node.clock.advance(1);
  }
  await node.beat();
  node.stop.abort();
  await running;
  assertEquals(node.logger.shown, []);
});

Deno.test("a slow answer does not delay the next heartbeat", async () => {
  await using node = await setup();
  const late = Promise.withResolvers<Response>();
  node.backend.answerNext(heartbeat, () => late.promise);
  const running = node.run();
  await node.backend.nextCall(heartbeat);
  await node.clock.advance(10_000);
  late.resolve(Response.json({ success: true }));
  assertEquals(await node.clock.sleeping(), INTERVAL - 10_000);
  node.stop.abort();
  await running;
});

Deno.test("missed heartbeats are not made up for", async () => {
  await using node = await setup();
  const late = Promise.withResolvers<Response>();
  node.backend.answerNext(heartbeat, () => late.promise);
  const running = node.run();
  await node.backend.nextCall(heartbeat);
  await node.clock.advance(10 * INTERVAL);
  late.resolve(Response.json({ success: true }));

  assertEquals(await node.clock.sleeping(), 0);
  await node.clock.advance(0);
  await node.beat();
  assertEquals(await node.clock.sleeping(), INTERVAL);
  node.stop.abort();
  await running;
});

for (
  const { name, gone } of [
    { name: "does not know the instance any more", gone: answer(404, "Instance not found") },
    { name: "has terminated the instance", gone: answer(400, "Instance was Terminated") },
  ]
) {
  Deno.test(`when the backend ${name}, heartbeats go on with another one`, async () => {
    await using node = await setup();
    const before = node.identity;
    node.backend.answerNext(heartbeat, gone);
    const running = node.run();
    await node.beat();
    assertEquals(node.logger.shown, [
      `warn: The backend no longer has "my-node" (${before.uuid}): registering again`,
    ]);
    // Not at once: a backend that gives up everything must not be flooded with instances.
    assertEquals(await node.clock.sleeping(), INTERVAL);
    await node.clock.advance(INTERVAL);
    assertEquals(
      (await node.beat()).path,
      `/api/v1/cloud-node/${node.identity.uuid}/heartbeat`,
    );
    node.stop.abort();
    await running;
  });
}

Deno.test("a failure to become another instance ends the heartbeats", async () => {
  await using node = await setup(() => Promise.reject(new AuthenticationError("No")));
  node.backend.answerNext(heartbeat, answer(404, "Not found"));
  await assertRejects(() => node.run(), AuthenticationError, "No");
});

Deno.test("a refused token does not end the heartbeats, and is reported again while it lasts", async () => {
  await using node = await setup();
  node.backend.answerNext(heartbeat, answer(401, "Invalid token"), 10);
  const running = node.run();
  for (let count = 0; count < 11; count++) {
    await node.beat();
    await node.clock.advance(INTERVAL);
  }
  await node.beat();
  node.stop.abort();
  await running;
  const [refused, still, ...others] = node.logger.shown;
  assertMatch(refused!, /^error: The heartbeat failed: .*the node goes on and retries \(Check the/);
  assertMatch(still!, /^warn: Heartbeats still fail after 1 min: .* \(Check the token, or/);
  assertEquals(others, ["info: The backend accepts heartbeats again after 5 min"]);
});

Deno.test("a token that was replaced is used at once", async () => {
  await using node = await setup();
  node.tokens.next = { token: "token-of-tomorrow", source: ".env" };
  node.backend.answerNext(
    (call) => heartbeat(call) && call.authorization !== "Token token-of-tomorrow",
    answer(401, "Token was rotated"),
  );
  node.backend.answerNext(
    (call) => heartbeat(call) && call.authorization === "Token token-of-tomorrow",
    () => Response.json({ success: true }),
  );
  const running = node.run();
  await node.backend.nextCall(heartbeat);
  await node.beat();
  node.stop.abort();
  await running;
  assertEquals(node.logger.shown, []);
});

Deno.test("the next heartbeat waits as long as the backend asks", async () => {
  await using node = await setup();
  const headers = { "Retry-After": "90" };
  node.backend.answerNext(heartbeat, () => new Response("busy", { status: 429, headers }));
  const running = node.run();
  await node.beat();
  assertEquals(await node.clock.sleeping(), 90_000);
  node.stop.abort();
  await running;
});

Deno.test("trouble is reported for each cause and while it lasts, and so is its end", async () => {
  await using node = await setup();
  let requests = 0;
  const failing = (status: number) => answer(status, `request ${++requests}`);
  for (const status of [503, 503, 503, 500, 500]) {
    node.backend.answerNext(heartbeat, failing(status));
  }
  const running = node.run();
  for (let count = 0; count < 7; count++) {
    await node.beat();
    await node.clock.advance(INTERVAL);
  }
  node.stop.abort();
  await running;
  const [first, still, second, ...others] = node.logger.shown;
  assertMatch(
    still!,
    /^warn: Heartbeats still fail after 1 min: .* \(check api_url, and the network/,
  );
  assertMatch(first, /^warn: The heartbeat failed: POST .* answered 503: "request 1"$/);
  assertMatch(second, /^warn: The heartbeat failed: POST .* answered 500: "request 4"$/);
  assertEquals(others, ["info: The backend accepts heartbeats again after 2 min 30 s"]);
});

Deno.test("stopping breaks off a heartbeat under way", async () => {
  await using node = await setup();
  node.backend.answerNext(heartbeat, () => new Promise(() => {}));
  const running = node.run();
  await node.backend.nextCall(heartbeat);
  node.stop.abort();
  await running;
});

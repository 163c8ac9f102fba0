import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { RestBackend } from "../../src/backend/rest_backend.ts";
import type { Call } from "../../src/dev/rest_calls.ts";
import { EmulatedBackend } from "../../src/dev/rest_front_end.ts";
import { AuthenticationError, ConfigError } from "../../src/errors.ts";
import { IdentityStore } from "../../src/registration/identity.ts";
import { Registration, type RegistrationSettings } from "../../src/registration/registration.ts";
import { FakeClock } from "../support/clock.ts";
import { RecordingLogger } from "../support/events.ts";
import { TestToken } from "../support/tokens.ts";

const create = ({ method, path }: Call) => method === "POST" && path === "/api/v1/cloud-node";
const register = ({ path }: Call) => path.endsWith("/register");

/** A node's registration against an emulated backend, with a state folder of its own. */
async function setup() {
  const backend = EmulatedBackend.start();
  const folder = await Deno.makeTempDir();
  const tokens = await TestToken.create();
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const store = new IdentityStore(folder, { clock, logger });
  return {
    backend,
    clock,
    logger,
    store,
    /** The node as it starts, for the first time or again. */
    start(settings: Partial<RegistrationSettings> = {}, value = backend.token) {
      const { workspaceSlug } = settings;
      const api = new RestBackend({ apiUrl: backend.url, token: value, workspaceSlug });
      const token = tokens.start(value);
      const random = () => 0.5;
      return new Registration({ profileSlug: "default", ...settings }, {
        api,
        token,
        store,
        clock,
        logger,
        random,
      });
    },
    /** How often the backend was asked to create an instance. */
    get creations() {
      return backend.calls.filter(create).length;
    },
    async [Symbol.asyncDispose]() {
      await backend[Symbol.asyncDispose]();
      await tokens[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

function answer(status: number, message: string) {
  return () => Response.json({ message }, { status });
}

Deno.test("a new instance is stored before it is registered", async () => {
  await using node = await setup();
  const registration = node.start({ slug: "my-node", workspaceUuid: "w1" });

  const instance = await registration.obtain();
  assertEquals(await node.store.read(), {
    uuid: instance.uuid,
    slug: "my-node",
    workspaceSlug: null,
    registeredAt: "2025-01-01T00:00:00.000Z",
  });
  assertEquals(node.backend.instances.get(instance.uuid)?.status, "created");
  assertEquals(node.backend.calls.length, 1);

  const identity = await registration.register(instance);
  assertEquals(identity, await node.store.read());
  assertEquals(node.backend.instances.get(instance.uuid)?.status, "registered");
  assertMatch(node.logger.shown[0], /^info: Registered as "my-node" \(.+\)$/);
});

Deno.test("a node is reserved for its environment when it is created, and when it is registered again", async () => {
  await using node = await setup();
  const first = node.start({ environmentUuid: "e-1" });
  const { uuid } = await first.obtain();
  assertEquals(node.backend.instances.get(uuid)?.environmentUuid, "e-1");
  const second = node.start({ environmentUuid: "e-2" });
  await second.register(await second.obtain());
  assertEquals(node.backend.instances.get(uuid)?.environmentUuid, "e-2");
});

Deno.test("a restart registers with the same identity, whatever the slug hint", async () => {
  await using node = await setup();
  const first = node.start({ slug: "my-node" });
  const before = await first.register(await first.obtain());

  await node.clock.advance(60_000);
  const second = node.start({ slug: "another" });
  assertEquals(await second.register(await second.obtain()), before);
  assertEquals(await node.store.read(), before);
  assertEquals(node.creations, 1);
  assertMatch(
    await node.logger.logged("Using the stored instance"),
    /"my-node" \(.+\); the slug "another" is a hint for new instances only$/,
  );
});

Deno.test("what the backend calls the node is what is stored", async () => {
  await using node = await setup();
  const registration = node.start();
  const instance = await registration.obtain();
  node.backend.answerNext(register, () => Response.json({ uuid: instance.uuid, slug: "renamed" }));
  const identity = await registration.register(instance);
  assertEquals(identity.slug, "renamed");
  assertEquals(await node.store.read(), identity);
});

Deno.test("an instance the backend has forgotten is replaced by a new one", async () => {
  await using node = await setup();
  await node.store.write({ uuid: "old", slug: "old", workspaceSlug: null, registeredAt: "" });
  const registration = node.start();

  const instance = await registration.obtain();
  assertEquals(instance.uuid, "old");
  const identity = await registration.register(instance);
  assertEquals(node.backend.instances.get(identity.uuid)?.status, "registered");
  assertEquals(await node.store.read(), identity);
  await node.logger.logged('The backend does not know the instance "old": creating another');
});

Deno.test("a backend that forgets at once is not flooded with new instances", async () => {
  await using node = await setup();
  node.backend.answerNext(register, answer(404, "Not found"), 4);
  const registration = node.start();
  const registered = registration.register(await registration.obtain());

  assertEquals(await node.clock.sleeping(), 500);
  assertEquals(node.creations, 2);
  await node.clock.advance(500);
  assertEquals(await node.clock.sleeping(), 1_000);
  assertEquals(node.creations, 3);
  await node.clock.advance(1_000);
  await registered;
  assertEquals(node.creations, 3);
});

Deno.test("an instance of another workspace is not used", async () => {
  await using node = await setup();
  await node.store.write({ uuid: "old", slug: "old", workspaceSlug: "a", registeredAt: "" });
  const instance = await node.start({ workspaceSlug: "b" }).obtain();
  assertEquals(node.backend.instances.get(instance.uuid)?.workspaceSlug, "b");
  assertEquals((await node.store.read())?.workspaceSlug, "b");
  await node.logger.logged('"old" (old): it belongs to the workspace "a", not to "b"');
});

Deno.test("a stored workspace stays, and one that is configured later is added", async () => {
  await using node = await setup();
  const first = node.start();
  await first.register(await first.obtain());
  for (const [workspaceSlug, expected] of [["lab", "lab"], [undefined, "lab"]] as const) {
    const again = node.start({ workspaceSlug });
    await again.register(await again.obtain());
    assertEquals((await node.store.read())?.workspaceSlug, expected);
  }
  assertEquals(node.creations, 1);
});

Deno.test("a provisioned instance is registered, whatever is stored, and never created", async () => {
  await using node = await setup();
  const { uuid } = await node.start({ slug: "provisioned" }).obtain();
  await node.store.write({ uuid: "old", slug: "old", workspaceSlug: null, registeredAt: "" });

  const registration = node.start({ instanceUuid: uuid });
  const instance = await registration.obtain();
  assertEquals(instance, { uuid });
  const identity = await registration.register(instance);
  assertEquals([identity.uuid, identity.slug], [uuid, "provisioned"]);
  assertEquals(await node.store.read(), identity);
  assertEquals(node.creations, 1);
});

Deno.test("a provisioned instance that does not exist is an error of the configuration", async () => {
  await using node = await setup();
  const registration = node.start({ instanceUuid: "no-such" });
  for (
    const attempt of [() => registration.register({ uuid: "no-such" }), () => registration.renew()]
  ) {
    const error = await assertRejects(attempt, ConfigError);
    assertEquals(error.message, 'The backend has no active instance "no-such"');
    assertMatch(error.hint ?? "", /CYBERWAVE_CLOUD_NODE_INSTANCE_UUID/);
  }
  assertEquals(node.creations, 0);
});

Deno.test("a provisioned instance that was terminated is registered again with the same UUID", async () => {
  await using node = await setup();
  const { uuid } = await node.start({ slug: "provisioned" }).obtain();
  const registration = node.start({ instanceUuid: uuid });
  await registration.register(await registration.obtain());
  node.backend.instances.get(uuid)!.status = "terminated";
  assertEquals((await registration.renew()).uuid, uuid);
  assertEquals(node.backend.instances.get(uuid)!.status, "registered");
  assertEquals(node.creations, 1);
});

for (const when of ["while the node runs", "before a restart"]) {
  Deno.test(`a provisioned instance that is gone ${when} is waited for`, async () => {
    await using node = await setup();
    const { uuid } = await node.start({ slug: "provisioned" }).obtain();
    const first = node.start({ instanceUuid: uuid });
    const identity = await first.register(await first.obtain());
    const instance = node.backend.instances.get(uuid)!;
    node.backend.instances.delete(uuid);
    const next = node.start({ instanceUuid: uuid });
    const registered = when === "before a restart"
      ? next.register(await next.obtain())
      : first.renew();
    assertEquals(await node.clock.sleeping(), 15_000);
    await node.logger.logged(`the backend has no instance "${uuid}" any more; retrying in 15.0 s`);
    node.backend.instances.set(uuid, instance);
    await node.clock.advance(15_000);
    assertEquals(await registered, identity);
    assertEquals(node.creations, 1);
  });
}

Deno.test("renewing leaves a living instance for a new one", async () => {
  await using node = await setup();
  const registration = node.start();
  const before = await registration.register(await registration.obtain());
  const after = await registration.renew();
  assertEquals([...node.backend.instances.keys()], [before.uuid, after.uuid]);
  assertEquals(await node.store.read(), after);
});

Deno.test("a backend that is down is tried again, ever less often, up to 30 s", async () => {
  await using node = await setup();
  node.backend.answerNext(register, answer(503, "Down for maintenance"), 8);
  const registration = node.start();
  const registered = registration.register(await registration.obtain());

  const waits = [];
  for (let retry = 0; retry < 8; retry++) {
    const wait = await node.clock.sleeping();
    waits.push(wait);
    await node.clock.advance(wait);
  }
  await registered;
  // Half of the longest wait each time, because the injected chance is 0.5.
  assertEquals(waits, [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
  assertMatch(
    node.logger.shown[1],
    /^warn: Cannot register: POST .*\/register answered 503: "Down for .*"; retrying in 1\.0 s$/,
  );
});

const SECOND = 1_000;

for (
  const { asked, wait } of [
    { asked: "7", wait: 7 * SECOND },
    { asked: "Wed, 01 Jan 2025 00:00:00 GMT", wait: 500 },
    { asked: "86400", wait: 300 * SECOND },
    { asked: "soon", wait: 500 },
    { asked: "-3", wait: 500 },
  ]
) {
  for (const status of [429, 503]) {
    Deno.test(`${status} with Retry-After: ${asked} is retried in ${wait} ms`, async () => {
      await using node = await setup();
      const headers = { "Retry-After": asked };
      node.backend.answerNext(create, () => new Response("busy", { status, headers }));
      const obtained = node.start().obtain();
      assertEquals(await node.clock.sleeping(), wait);
      await node.clock.advance(wait);
      await obtained;
    });
  }
}

Deno.test("creating is tried again too", async () => {
  await using node = await setup();
  node.backend.answerNext(create, answer(500, "Oops"));
  const obtained = node.start().obtain();
  await node.clock.advance(await node.clock.sleeping());
  const { uuid } = await obtained;
  assertEquals((await node.store.read())?.uuid, uuid);
  await node.logger.logged('answered 500: "Oops"; retrying in 0.5 s');
});

Deno.test("a refusal is an error for the operator, and tried again at the slowest pace", async () => {
  await using node = await setup();
  node.backend.answerNext(create, answer(422, "No such profile"));
  const obtained = node.start().obtain();
  assertEquals(await node.clock.sleeping(), 15_000);
  assertMatch(
    node.logger.shown[0],
    /^error: Cannot create an instance: .* answered 422: "No such profile"; retrying in 15\.0 s$/,
  );
  await node.clock.advance(15_000);
  await obtained;
});

Deno.test("a token that was never accepted and is refused ends the attempts", async () => {
  await using node = await setup();
  await assertRejects(() => node.start({}, "wrong").obtain(), AuthenticationError);
  await assertRejects(() => node.start({}, "wrong").register({ uuid: "u" }), AuthenticationError);
  assertEquals(node.backend.calls.length, 2);
});

Deno.test("stopping ends the attempts", async () => {
  await using node = await setup();
  node.backend.answerNext(create, answer(503, "Down"));
  const stop = new AbortController();
  const obtained = node.start().obtain(stop.signal);
  await node.clock.sleeping();
  stop.abort(new Error("stopping"));
  await assertRejects(() => obtained, Error, "stopping");
});

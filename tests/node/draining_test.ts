import { assertEquals } from "@std/assert";
import { whenIdleFor } from "../../src/node/draining.ts";
import { NodeEvents } from "../../src/node/events.ts";
import { FakeClock } from "../support/clock.ts";
import { Commands } from "../support/commands.ts";
import { ScriptedExecutor } from "../support/scripted.ts";

Deno.test("a node that took a message is not idle before that is decided and done", async () => {
  const clock = new FakeClock();
  const executor = new ScriptedExecutor();
  // The platform is asked before a second workload is refused for the first: for 2 s at most.
  const asked = Promise.withResolvers<void>();
  const directory = {
    workload: () => {
      asked.resolve();
      return new Promise<never>(() => {});
    },
  };
  await using test = await Commands.start({ inference: "a", executor, clock, directory });
  const send = (id: string) =>
    test.send({ command: "inference", request_id: id, params: { workload_uuid: id } });
  await send("w-1");
  const execution = await executor.executions.next();
  const second = send("w-2");
  await asked.promise;
  execution.end();
  await test.idle();

  let isIdle = false;
  const connection = { connected: true };
  const parts = { ...test.parts, clock, connection, events: new NodeEvents(test.logger) };
  const { signal } = new AbortController();
  const idle = whenIdleFor(1_000, parts as never, signal).then(() => isIdle = true);
  await clock.advance(1_500);
  assertEquals([isIdle, test.parts.acceptor.isDeciding], [false, true]);

  await clock.advance(500);
  await second;
  (await executor.executions.next()).end();
  await test.idle();
  assertEquals(isIdle, false);
  await clock.advance(1_000);
  await idle;
});

Deno.test("a node is not idle while the broker, which may hold messages for it, is away", async () => {
  const clock = new FakeClock();
  await using test = await Commands.start({ inference: "a", clock });
  const events = new NodeEvents(test.logger);
  const back = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const connection = {
    connected: true,
    whenConnected: () => {
      asked.resolve();
      return back.promise;
    },
  };
  let isIdle = false;
  const parts = { ...test.parts, clock, connection, events };
  const { signal } = new AbortController();
  const idle = whenIdleFor(1_000, parts as never, signal).then(() => isIdle = true);
  await clock.advance(500);
  connection.connected = false;
  events.emit("connection", { isConnected: false });
  await clock.advance(5_000);
  await asked.promise;
  assertEquals(isIdle, false);

  connection.connected = true;
  events.emit("connection", { isConnected: true });
  back.resolve();
  await clock.advance(500);
  assertEquals(isIdle, false);
  await clock.advance(1_000);
  await idle;
});

import { assertEquals } from "@std/assert";
import { Stop, type StopParts } from "../../src/commands/stop.ts";
import type { StopRequest } from "../../src/journal/record.ts";
import { FakeClock } from "../support/clock.ts";
import { RecordingLogger } from "../support/events.ts";
import type { WorkloadKind } from "../../src/protocol/kinds.ts";
import { newCommand } from "../support/journal.ts";
import { ScriptedExecution } from "../support/scripted.ts";

const SECOND = 1_000;
const HANDLE = { executor: "process", attempt: "a", bootId: "b" };

class Harness {
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly stored: StopRequest[] = [];
  /** What storing waits for. */
  disk: Promise<void> = Promise.resolve();

  stop(
    given: Partial<StopParts> = {},
    earlier?: StopRequest,
    kind: WorkloadKind = "inference",
  ): Stop {
    return new Stop(newCommand("c1", { kind }), {
      timeout: {},
      cancelGrace: { inference: 10, training: 10, simulate: 120 },
      clock: this.clock,
      logger: this.logger,
      store: async (_id, request) => {
        this.stored.push(request);
        await this.disk;
      },
      ...given,
    }, earlier);
  }
}

for (const [kind, seconds] of [["inference", 10], ["training", 10], ["simulate", 120]] as const) {
  Deno.test(`a ${kind} has ${seconds} s to end`, async () => {
    const test = new Harness();
    using stop = test.stop({}, undefined, kind);
    const run = execution();
    stop.watch(run);
    await stop.ask("cancelled", "SIGINT");
    await test.clock.advance(seconds * 1_000 - 1);
    assertEquals(run.signals.all, ["SIGINT"]);
    await test.clock.advance(1);
    assertEquals(run.signals.all, ["SIGINT", "SIGKILL"]);
    assertEquals(stop.request?.signal, "SIGINT", "the one that was asked for");
  });
}

function execution(ageMs = 0): ScriptedExecution {
  return new ScriptedExecution(HANDLE, 7, undefined, ageMs);
}

Deno.test("what runs is sent the signal once that is stored, and SIGKILL when its grace is over", async () => {
  const test = new Harness();
  using stop = test.stop();
  const running = execution();
  stop.watch(running);
  const disk = Promise.withResolvers<void>();
  test.disk = disk.promise;
  const asked = stop.ask("cancelled", "SIGINT");
  await test.clock.advance(0);
  assertEquals([test.stored.length, running.signals.all], [1, []]);
  disk.resolve();
  assertEquals(await asked, true);
  await test.clock.advance(10 * SECOND - 1);
  assertEquals(running.signals.all, ["SIGINT"]);
  await test.clock.advance(1);
  assertEquals(running.signals.all, ["SIGINT", "SIGKILL"]);
  assertEquals(stop.request?.signal, "SIGINT", "nobody asked for the other one");
});

Deno.test("SIGKILL is all that is sent to whom it was asked for", async () => {
  const test = new Harness();
  using stop = test.stop();
  const running = execution();
  stop.watch(running);
  await stop.ask("cancelled", "SIGKILL");
  await test.clock.advance(60 * SECOND);
  assertEquals(running.signals.all, ["SIGKILL"]);
});

Deno.test("a second request sends its signal as well, and leaves the reason and the grace of the first", async () => {
  const test = new Harness();
  using stop = test.stop();
  const running = execution();
  stop.watch(running);
  await stop.ask("timed_out", "SIGTERM");
  await test.clock.advance(9 * SECOND);
  await stop.ask("cancelled", "SIGINT");
  assertEquals([stop.request?.cause, stop.request?.signal], ["timed_out", "SIGINT"]);
  await test.clock.advance(SECOND);
  assertEquals(running.signals.all, ["SIGTERM", "SIGINT", "SIGKILL"]);
});

Deno.test("what was asked to stop before it ran is sent the signal once, when it runs", async () => {
  const test = new Harness();
  using stop = test.stop();
  await stop.ask("cancelled", "SIGTERM");
  const running = execution();
  stop.watch(running);
  await test.clock.advance(0);
  assertEquals(running.signals.all, ["SIGTERM"]);
});

Deno.test("what begins to run while the request is being stored is sent the signal once", async () => {
  const test = new Harness();
  const disk = Promise.withResolvers<void>();
  test.disk = disk.promise;
  using stop = test.stop();
  const asked = stop.ask("cancelled", "SIGTERM");
  const running = execution();
  stop.watch(running);
  await test.clock.advance(0);
  assertEquals(running.signals.all, [], "a node that ends now must leave a reason");
  disk.resolve();
  await asked;
  await test.clock.advance(0);
  assertEquals(running.signals.all, ["SIGTERM"]);
});

Deno.test("what cannot be stored is sent all the same", async () => {
  const test = new Harness();
  using stop = test.stop({ store: () => Promise.reject(new Error("disk full")) });
  const running = execution();
  stop.watch(running);
  assertEquals(await stop.ask("cancelled", "SIGTERM"), true);
  await test.clock.advance(0);
  assertEquals(running.signals.all, ["SIGTERM"]);
  assertEquals(
    test.logger.shown.at(-1),
    "error: Cannot store that inference request-c1 is being stopped: disk full",
  );
});

Deno.test("what has ended is asked no more", async () => {
  const test = new Harness();
  const stop = test.stop({ timeout: { inference: 60 } });
  const running = execution();
  stop.watch(running);
  await stop.ask("cancelled", "SIGTERM");
  stop[Symbol.dispose]();
  assertEquals(await stop.ask("cancelled", "SIGINT"), false);
  await test.clock.advance(90 * SECOND);
  assertEquals([running.signals.all, stop.request?.signal], [["SIGTERM"], "SIGTERM"]);
});

Deno.test("a time limit counts from the start, by the clock that the execution goes by", async () => {
  const test = new Harness();
  using stop = test.stop({ timeout: { inference: 60 } });
  const running = execution(45 * SECOND);
  stop.watch(running);
  await test.clock.advance(15 * SECOND - 1);
  assertEquals(running.signals.all, []);
  await test.clock.advance(1);
  assertEquals([stop.request?.cause, running.signals.all], ["timed_out", ["SIGTERM"]]);
});

Deno.test("a time limit does not change why a command stops", async () => {
  const test = new Harness();
  using stop = test.stop({ timeout: { inference: 5 } });
  stop.watch(execution());
  await stop.ask("cancelled", "SIGTERM");
  await test.clock.advance(5 * SECOND);
  assertEquals(stop.request?.cause, "cancelled");
});

Deno.test("what an earlier node asked is carried on, with what is left of the grace", async () => {
  const test = new Harness();
  const at = test.clock.now() - 4 * SECOND;
  using stop = test.stop({}, { cause: "cancelled", signal: "SIGTERM", at });
  const running = execution();
  stop.watch(running);
  await test.clock.advance(6 * SECOND - 1);
  assertEquals(running.signals.all, ["SIGTERM"]);
  await test.clock.advance(1);
  assertEquals(running.signals.all, ["SIGTERM", "SIGKILL"]);
});

Deno.test("a wall clock that jumped back lengthens no grace", async () => {
  const test = new Harness();
  const at = test.clock.now() + 3_600 * SECOND;
  using stop = test.stop({}, { cause: "cancelled", signal: "SIGTERM", at });
  const running = execution();
  stop.watch(running);
  await test.clock.advance(10 * SECOND);
  assertEquals(running.signals.all, ["SIGTERM", "SIGKILL"]);
});

Deno.test("an execution that cannot be signalled is an error in the log, and nothing else", async () => {
  const test = new Harness();
  using stop = test.stop();
  const running = execution();
  running.stop = () => {
    throw new Error("no such process");
  };
  stop.watch(running);
  assertEquals(await stop.ask("cancelled", "SIGTERM"), true);
  await test.logger.logged("no such process");
});

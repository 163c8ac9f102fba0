import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Handler } from "../../../src/executors/handler/handler.ts";
import { HandlerExecutor } from "../../../src/executors/handler/handler_executor.ts";
import { systemClock } from "../../../src/time.ts";
import { Bench, HOST } from "../../support/executors.ts";

function benchFor(handler: Handler, concurrency = 1): Bench {
  return new Bench(({ folder, logger }) =>
    new HandlerExecutor({
      name: "handler",
      handlers: new Map([["calibrate", handler]]),
      concurrencyOf: () => concurrency,
      bootId: HOST.bootId,
      resultsFolder: `${folder}/results`,
      maxLog: 20,
      clock: systemClock,
      logger,
    })
  );
}

Deno.test("a handler's log lines are kept up to a limit, and what is missing is said once", async () => {
  await using bench = benchFor((_, { log }) => {
    for (const _ of Array(100)) log("12345678");
    return null;
  });
  const { stderr } = await bench.run({ kind: "calibrate" });
  assertEquals(stderr.split("\n").slice(0, 2), ["12345678", "12345678"]);
  assertStringIncludes(stderr, "more log lines than max_output_files allows");
  assertEquals(stderr.split("\n").length, 4);
});

Deno.test("a handler has its place until it returns, whoever watches it", async () => {
  const returned = Promise.withResolvers<void>();
  await using bench = benchFor(() => returned.promise);
  const { execution } = bench.start({ kind: "calibrate" });
  execution.stop("SIGKILL");
  assertEquals((await execution.exit).type, "killed");
  const room = Promise.withResolvers<void>();
  bench.executor.onRoom = room.resolve;
  assertEquals(bench.executor.reserve({ id: "c2", kind: "calibrate" }), undefined);
  returned.resolve();
  await room.promise;
  bench.reserve({ id: "c2", kind: "calibrate" }).release();
});

Deno.test("a handler that is found again has its place with the later executor too", async () => {
  const returned = Promise.withResolvers<string>();
  await using bench = benchFor(() => returned.promise);
  const { execution, folder } = bench.start({ kind: "calibrate" });
  await bench.restart();
  const found = await bench.recoverRunning(execution.handle, folder);
  assertEquals(bench.executor.reserve({ id: "c2", kind: "calibrate" }), undefined);
  returned.resolve("done");
  assertEquals((await bench.ended(found)).stdout, "done");
});

Deno.test("an attempt without a trace is lost: it may have run", async () => {
  await using bench = benchFor(() => null);
  const folder = bench.nextFolder();
  const { handle } = bench.reserve({ id: "c1", kind: "calibrate" });
  assertEquals(await bench.executor.recover(handle, folder), {
    type: "ended",
    exit: { type: "lost", why: "its folder was removed" },
  });
});

import { assertEquals } from "@std/assert";
import { Restarts } from "../../../src/executors/warm/restarts.ts";
import { FakeClock } from "../../support/clock.ts";

Deno.test("restarts: each crash in a row doubles the wait; the fifth is a failure, tried every 5 minutes", () => {
  const restarts = new Restarts(new FakeClock(), () => 0.5);
  const crashes = Array.from({ length: 7 }, () => restarts.crashed());
  assertEquals(crashes.map(({ waitMs }) => waitMs / 1000), [1, 2, 4, 8, 300, 300, 300]);
  const failed = crashes.map(({ hasFailed }) => hasFailed);
  assertEquals(failed, [false, false, false, false, true, true, true]);
});

Deno.test("restarts: what has worked, or was ready for a minute, has not crashed in a row", async () => {
  const clock = new FakeClock();
  const restarts = new Restarts(clock, () => 0.5);
  for (let i = 0; i < 3; i++) restarts.crashed();
  restarts.worked();
  assertEquals(restarts.crashed().waitMs, 1_000);
  restarts.ready();
  await clock.advance(59_999);
  assertEquals(restarts.crashed().waitMs, 2_000);
  restarts.ready();
  await clock.advance(30_000);
  restarts.ready();
  await clock.advance(30_000);
  assertEquals(restarts.crashed().waitMs, 1_000);
});

Deno.test("restarts: several that crash together do not start together", () => {
  const waits = [0, 0.999].map((chance) =>
    new Restarts(new FakeClock(), () => chance).crashed().waitMs
  );
  assertEquals(waits.map(Math.round), [750, 1250]);
});

import { assert, assertEquals, assertRejects } from "@std/assert";
import { backoff, isAbort, systemClock, within } from "../src/time.ts";
import { FakeClock } from "./support/clock.ts";

Deno.test("backoff doubles up to its limit, with full jitter", () => {
  const limits = { min: 1_000, max: 30_000 };
  const longest = (attempt: number) => backoff(attempt, limits, () => 1);
  assertEquals([0, 1, 2, 3, 4, 5, 6, 1_000_000].map(longest), [
    1_000,
    2_000,
    4_000,
    8_000,
    16_000,
    30_000,
    30_000,
    30_000,
  ]);
  assertEquals(backoff(3, limits, () => 0), 0);
  assertEquals(backoff(3, limits, () => 0.25), 2_000);
  assert(backoff(0, limits) <= 1_000);
});

Deno.test("a sleep ends when it is over, or at once when it is aborted", async () => {
  await systemClock.sleep(0);
  const reason = new Error("enough");
  assertEquals(
    await assertRejects(() => systemClock.sleep(60_000, AbortSignal.abort(reason))),
    reason,
  );
  const stop = new AbortController();
  const asleep = assertRejects(() => systemClock.sleep(60_000, stop.signal));
  stop.abort(reason);
  assertEquals(await asleep, reason);
});

Deno.test("a sleep of a month does not end at once", async () => {
  const stop = new AbortController();
  const asleep = systemClock.sleep(30 * 24 * 60 * 60 * 1_000, stop.signal)
    .then(() => "over", () => "aborted");
  await systemClock.sleep(20);
  stop.abort();
  assertEquals(await asleep, "aborted");
});

Deno.test("the monotonic clock never goes back", () => {
  const first = systemClock.monotonic();
  assert(systemClock.monotonic() >= first);
  assert(Math.abs(systemClock.now() - Date.now()) < 1_000);
});

Deno.test("isAbort() tells an abort from other failures", () => {
  const reason = new Error("enough");
  const aborted = AbortSignal.abort(reason);
  const open = new AbortController().signal;
  assertEquals(isAbort(reason, aborted), true);
  assertEquals(isAbort(new DOMException("aborted", "AbortError"), aborted), true);
  assertEquals(isAbort(new Error("other"), aborted), false);
  assertEquals(isAbort("text", aborted), false);
  assertEquals(isAbort(reason, open), false);
  assertEquals(isAbort(new DOMException("aborted", "AbortError"), open), false);
  assertEquals(isAbort(reason, undefined), false);
});

Deno.test("what takes too long is told to end, and what does not leaves no timer behind", async () => {
  const clock = new FakeClock();
  const ends = (signal: AbortSignal) =>
    new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  const late = within(1_000, clock, ends);
  await clock.advance(999);
  assertEquals(
    await Promise.race([late.then(() => "ended"), Promise.resolve("goes on")]),
    "goes on",
  );
  await clock.advance(1);
  await late;

  let tooLate: AbortSignal | undefined;
  await within(1_000, clock, (signal) => {
    tooLate = signal;
    return Promise.resolve();
  });
  await clock.advance(1_000);
  assertEquals(tooLate?.aborted, false);
});

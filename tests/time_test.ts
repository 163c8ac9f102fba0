import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  backoff,
  isAbort,
  isoTime,
  orAbort,
  Outage,
  systemClock,
  timeInWords,
  whenAborted,
  within,
} from "../src/time.ts";
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
});

Deno.test("the system clock is that of the machine", () => {
  const before = Date.now();
  const now = systemClock.now();
  assert(before <= now && now <= Date.now());
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

Deno.test("orAbort() gives what comes first: what is promised, or nothing", async () => {
  const stop = new AbortController();
  assertEquals(await orAbort(Promise.resolve(7), stop.signal), 7);
  const error = new Error("no");
  const failed = assertRejects(() => orAbort(Promise.reject(error), stop.signal));
  assertEquals(await failed, error);
  const never = orAbort(new Promise<number>(() => {}), stop.signal);
  stop.abort();
  assertEquals([await never, await orAbort(Promise.resolve(7), stop.signal)], [
    undefined,
    undefined,
  ]);
});

Deno.test("what fails after orAbort() has given up is nobody's unhandled rejection", async () => {
  const unhandled: unknown[] = [];
  const listen = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", listen);
  try {
    const stop = new AbortController();
    const [before, after] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const early = orAbort(before.promise, stop.signal);
    stop.abort();
    const late = orAbort(after.promise, stop.signal);
    before.reject(new Error("too late"));
    after.reject(new Error("much too late"));
    assertEquals([await early, await late], [undefined, undefined]);
    await systemClock.sleep(0);
    assertEquals(unhandled, []);
  } finally {
    globalThis.removeEventListener("unhandledrejection", listen);
  }
});

Deno.test("a signal that lasts keeps nothing of the promises that orAbort() has waited for", async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove(...args);
  };
  await orAbort(Promise.resolve(), signal);
  await orAbort(Promise.reject(new Error("no")), signal).catch(() => {});
  await systemClock.sleep(0);
  assertEquals(listeners, 0);
});

Deno.test("a length of time is said in its two largest units", () => {
  const cases: [ms: number, words: string][] = [
    [0, "0 s"],
    [999, "0 s"],
    [12_900, "12 s"],
    [60_000, "1 min"],
    [2 * 3_600_000 + 5 * 60_000 + 59_000, "2 h 5 min"],
    [3 * 86_400_000 + 59 * 60_000, "3 d"],
  ];
  for (const [ms, words] of cases) assertEquals(timeInWords(ms), words);
});

Deno.test("an outage is reported again at growing intervals, then each day, and anew after its end", async () => {
  const clock = new FakeClock();
  const outage = new Outage(clock);
  assertEquals(outage.ended(), undefined);
  const reported = async (minutes: number) => {
    const ages: string[] = [];
    for (let minute = 0; minute < minutes; minute++) {
      const age = outage.failed();
      if (age !== undefined) ages.push(timeInWords(age));
      await clock.advance(60_000);
    }
    return ages;
  };
  assertEquals(await reported(3 * 24 * 60 + 1), [
    ...["1 min", "5 min", "15 min", "1 h", "2 h", "4 h", "8 h", "16 h", "1 d", "2 d", "3 d"],
  ]);
  assertEquals(timeInWords(outage.ended()!), "3 d");
  assertEquals(await reported(6), ["1 min", "5 min"]);
});

Deno.test("a gap between attempts leaves out what came due meanwhile", async () => {
  const clock = new FakeClock();
  const outage = new Outage(clock);
  outage.failed();
  await clock.advance(3 * 3_600_000);
  assertEquals(outage.failed(), 3 * 3_600_000);
  assertEquals(outage.failed(), undefined);
});

Deno.test("whenAborted() resolves at the abort, or at once when it was before", async () => {
  const stop = new AbortController();
  const waiting = whenAborted(stop.signal);
  stop.abort();
  await waiting;
  await whenAborted(stop.signal);
});

Deno.test("isoTime() is a time for programs, and null for one that is not known", () => {
  assertEquals(isoTime(0), "1970-01-01T00:00:00.000Z");
  assertEquals(isoTime(undefined), null);
});

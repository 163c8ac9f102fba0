import { assertEquals, assertRejects } from "@std/assert";
import { AuthenticationError, BackendError, BrokerError } from "../../src/errors.ts";
import { attempts, mayPass, StorageError } from "../../src/results/attempts.ts";
import { ResultFileError } from "../../src/results/source.ts";
import { FakeClock } from "../support/clock.ts";
import { RecordingLogger } from "../support/events.ts";

Deno.test("what may pass by itself is worth another try, the rest is not", () => {
  const answered = (status: number) => new BackendError("answered", { status });
  for (const status of [200, 408, 409, 425, 429, 500, 502, 503, 504, 599]) {
    assertEquals(mayPass(answered(status)), true, `${status}`);
  }
  for (const status of [301, 302, 307, 400, 401, 403, 404, 410, 413, 422]) {
    assertEquals(mayPass(answered(status)), false, `${status}`);
  }
  assertEquals(mayPass(new BackendError("no answer")), true);
  assertEquals(mayPass(new StorageError("no answer")), true);
  assertEquals(mayPass(new BrokerError("no connection")), true);
  assertEquals(mayPass(new AuthenticationError("rejected")), false);
  assertEquals(mayPass(new ResultFileError("changed")), false);
  assertEquals(mayPass(new TypeError("a bug")), false);
});

/** The waits between tries that fail with these errors. */
async function waits(...errors: Error[]): Promise<number[]> {
  const clock = new FakeClock();
  const parts = { clock, logger: new RecordingLogger(), random: () => 1 };
  const failing = attempts(
    () => Promise.reject(errors.shift() ?? new ResultFileError("the end")),
    parts,
    new AbortController().signal,
  );
  const ended = assertRejects(() => failing);
  const waited: number[] = [];
  for (;;) {
    const wait = await Promise.race([clock.sleeping(), ended]);
    if (typeof wait !== "number") return waited;
    waited.push(wait);
    await clock.advance(wait);
  }
}

Deno.test("there are three tries, with a longer wait each time, or what the server asks for", async () => {
  const refused = (seconds: number) =>
    new StorageError("refused", { status: 503, retryAfterMs: seconds * 1000 });
  const network = new BackendError("no answer");
  assertEquals(await waits(), []);
  assertEquals(await waits(network), [500]);
  assertEquals(await waits(network, network, network, network), [500, 1000]);
  assertEquals(await waits(refused(2), refused(30), network), [2_000, 30_000]);
  assertEquals(await waits(refused(0), refused(31), network), [500]);
});

Deno.test("an abort ends the tries with its own reason", async () => {
  const stop = new AbortController();
  const parts = { clock: new FakeClock(), logger: new RecordingLogger(), random: () => 1 };
  const failing = attempts(() => Promise.reject(new BackendError("no")), parts, stop.signal);
  stop.abort(new Error("the node stops"));
  await assertRejects(() => failing, Error, "the node stops");
});

import { assert, assertEquals } from "@std/assert";
import { examine, type Result } from "../../src/doctor/examine.ts";
import { type Check, ok, warn } from "../../src/doctor/finding.ts";
import { ConfigError } from "../../src/errors.ts";

async function all(checks: Check[], seconds = 60): Promise<Result[]> {
  return await Array.fromAsync(examine(checks, seconds));
}

Deno.test("checks run at the same time, and are told in their order", async () => {
  const second = Promise.withResolvers<void>();
  const checks: Check[] = [
    { name: "first", run: () => second.promise.then(() => ok("after the second")) },
    {
      name: "second",
      run() {
        second.resolve();
        return Promise.resolve(ok("at once"));
      },
    },
  ];
  assertEquals((await all(checks)).map(({ name, detail }) => [name, detail]), [
    ["first", "after the second"],
    ["second", "at once"],
  ]);
});

Deno.test("a check that takes too long has failed, whether it listens or not", async () => {
  const signals: AbortSignal[] = [];
  const endless = Promise.withResolvers<never>();
  const checks: Check[] = [{
    name: "deaf",
    run(signal) {
      signals.push(signal);
      return endless.promise;
    },
  }, {
    name: "known",
    run: () => endless.promise,
    late: (seconds) => warn(`the driver hangs for ${seconds} s`, "Restart it"),
  }, { name: "quick", run: () => Promise.resolve(ok("fine")) }];
  const [deaf, known, quick] = await all(checks, 0.01);
  assertEquals([deaf!.status, deaf!.detail], ["fail", "no result within 0.01 s"]);
  assertEquals(known, {
    name: "known",
    status: "warn",
    detail: "the driver hangs for 0.01 s",
    fix: "Restart it",
  });
  assertEquals(quick!.status, "ok");
  assert(signals[0]!.aborted);
});

Deno.test("a check that throws has failed, with the error's hint as what to do", async () => {
  const checks: Check[] = [
    { name: "a", run: () => Promise.reject(new ConfigError("no", { hint: "Say yes" })) },
    { name: "b", run: () => Promise.reject(new Error("oh")) },
  ];
  assertEquals(await all(checks), [
    { name: "a", status: "fail", detail: "no", fix: "Say yes" },
    { name: "b", status: "fail", detail: "oh", fix: undefined },
  ]);
});

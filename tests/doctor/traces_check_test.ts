import { assertEquals, assertMatch } from "@std/assert";
import { tracesCheck } from "../../src/doctor/traces_check.ts";
import { systemClock } from "../../src/time.ts";
import { Collector } from "../support/collector.ts";

const NEVER = new AbortController().signal;

async function found(env: Record<string, string>): Promise<[string, string] | undefined> {
  const [check] = tracesCheck(env, systemClock);
  if (check === undefined) return undefined;
  const { status, detail } = await check.run(NEVER);
  return [status, detail];
}

Deno.test("traces: a collector that takes spans is found, and what is wrong is named", async () => {
  await using collector = new Collector();
  assertEquals(await found({}), undefined);
  assertEquals(await found(collector.env), ["ok", `${collector.url}/v1/traces takes them`]);
  collector.answer = () => new Response(null, { status: 401 });
  assertEquals(await found(collector.env), [
    "warn",
    `${collector.url}/v1/traces does not accept spans: it answered 401`,
  ]);
  const wrong = { OTEL_EXPORTER_OTLP_ENDPOINT: "collector" };
  assertMatch((await found(wrong))![1], /^OTEL_EXPORTER_OTLP_ENDPOINT must be a URL/);
  const both = { ...collector.env, OTEL_DENO: "true" };
  assertMatch((await found(both))!.join(), /^warn,OTEL_DENO=true: Deno itself/);
});

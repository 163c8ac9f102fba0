import { assert, assertEquals } from "@std/assert";
import { createLogger } from "../../src/log.ts";
import type { TraceSpan } from "../../src/tracing/command_spans.ts";
import { SpanExporter } from "../../src/tracing/span_exporter.ts";
import { readOtlp } from "../../src/config/otlp.ts";
import { systemClock } from "../../src/time.ts";
import { FakeClock } from "../support/clock.ts";
import { Collector } from "../support/collector.ts";
import { RecordingLogger } from "../support/events.ts";

function span(name: string): TraceSpan {
  return {
    ...{ traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" },
    ...{ parentId: undefined, name, kind: "internal", start: 1.5, end: 2_000, events: [] },
    attributes: { "a.text": "x", "a.number": 3, "a.part": 1.5 },
  };
}

function exporterTo(
  collector: Collector,
  env: Record<string, string> = {},
  clock: FakeClock | typeof systemClock = systemClock,
) {
  const logger = new RecordingLogger();
  const target = readOtlp({ ...collector.env, ...env }).target!;
  const exporter = new SpanExporter({ target, clock, logger, random: () => 0 });
  return { exporter, logger };
}

Deno.test("spans are sent as OTLP in JSON, with the headers and the resource that are asked for", async () => {
  await using collector = new Collector();
  const { exporter } = exporterTo(collector, {
    OTEL_EXPORTER_OTLP_HEADERS: "x-key=secret-key",
    OTEL_SERVICE_NAME: "gpu-1",
  });
  exporter.add([span("one"), span("two")]);
  await exporter[Symbol.asyncDispose]();
  const [{ path, headers, body }] = collector.exports.all;
  assertEquals([path, headers.get("x-key"), headers.get("content-type")], [
    "/v1/traces",
    "secret-key",
    "application/json",
  ]);
  assertEquals(headers.get("traceparent"), null);
  const [{ resource, scopeSpans: [{ scope, spans }] }] = JSON.parse(body).resourceSpans;
  assertEquals(resource.attributes, [{ key: "service.name", value: { stringValue: "gpu-1" } }]);
  assertEquals(scope.name, "@cyberwave/cloud-node");
  assertEquals(spans.map(({ name }: TraceSpan) => name), ["one", "two"]);
  assertEquals(spans[0].startTimeUnixNano, "2000000");
  assertEquals(spans[0].attributes, [
    { key: "a.text", value: { stringValue: "x" } },
    { key: "a.number", value: { intValue: "3" } },
    { key: "a.part", value: { doubleValue: 1.5 } },
  ]);
});

Deno.test("the keys in the headers of a collector are masked in the log", async () => {
  await using collector = new Collector();
  const { exporter, logger } = exporterTo(collector, {
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20sk-collector-7",
  });
  createLogger("x", undefined, logger).info("Bearer sk-collector-7");
  assertEquals(logger.shown, ["info: x: ***"]);
  await exporter[Symbol.asyncDispose]();
});

Deno.test("a collector that is busy gets the same spans again, and one that is back is reported", async () => {
  await using collector = new Collector();
  const clock = new FakeClock();
  const answers = [503, 429];
  collector.answer = () => {
    const status = answers.shift();
    return status === undefined ? undefined : new Response(null, { status });
  };
  const { exporter, logger } = exporterTo(collector, {}, clock);
  exporter.add([span("one")]);
  await clock.sleepingFor(1_000);
  await clock.advance(1_000);
  await collector.exports.next();
  await clock.sleepingFor(2_000);
  await clock.advance(2_000);
  await collector.exports.next();
  await clock.sleepingFor(2_000);
  await clock.advance(2_000);
  assertEquals((await collector.spans.next()).name, "one");
  await exporter[Symbol.asyncDispose]();
  assertEquals(collector.exports.all.length, 3);
  assertEquals(logger.shown, [
    `warn: Cannot send traces to ${collector.url}/v1/traces: it answered 503; retrying`,
    "info: Traces are sent again",
  ]);
});

Deno.test("spans that a collector does not want are dropped, and the next ones are sent", async () => {
  await using collector = new Collector();
  collector.answer = ({ body }) =>
    body.includes("unwanted") ? new Response(null, { status: 400 }) : undefined;
  const { exporter, logger } = exporterTo(collector);
  exporter.add([span("unwanted")]);
  await collector.exports.next();
  exporter.add([span("wanted")]);
  assertEquals((await collector.spans.next()).name, "wanted");
  await exporter[Symbol.asyncDispose]();
  assertEquals(logger.shown[0]?.split(": ").slice(2), ["it answered 400; these are dropped"]);
});

Deno.test("while nothing can be sent the latest spans wait, no more than 4,096", async () => {
  await using collector = new Collector();
  let isAway = true;
  collector.answer = () => isAway ? new Response(null, { status: 503 }) : undefined;
  const clock = new FakeClock();
  const { exporter, logger } = exporterTo(collector, {}, clock);
  for (let index = 0; index < 5_000; index++) exporter.add([span(`s${index}`)]);
  await clock.sleepingFor(1_000);
  await clock.advance(1_000);
  await collector.exports.next();
  await clock.sleepingFor(2_000);
  isAway = false;
  await exporter[Symbol.asyncDispose]();
  const { all } = collector.spans;
  assertEquals([all.length, all[0]?.name, all.at(-1)?.name], [4_096, "s904", "s4999"]);
  assertEquals(logger.shown.at(-1), "warn: 904 spans dropped while none could be sent");
});

Deno.test("a collector that takes requests and never answers holds a stop up for a second at most", async () => {
  await using collector = new Collector();
  const released = Promise.withResolvers<Response>();
  collector.answer = () => released.promise;
  const clock = new FakeClock();
  const { exporter } = exporterTo(collector, {}, clock);
  exporter.add([span("one")]);
  const ended = exporter[Symbol.asyncDispose]();
  await collector.exports.next();
  await clock.sleepingFor(1_000);
  await clock.advance(1_000);
  await ended;
  released.resolve(new Response());
});

Deno.test("a collector that is away holds a stop up for nothing", async () => {
  const collector = new Collector();
  const clock = new FakeClock();
  const { exporter, logger } = exporterTo(collector, {}, clock);
  await collector[Symbol.asyncDispose]();
  exporter.add([span("one")]);
  await exporter[Symbol.asyncDispose]();
  assert(logger.shown[0]?.includes("Connection refused"), logger.shown[0]);
  exporter.add([span("two")]);
});

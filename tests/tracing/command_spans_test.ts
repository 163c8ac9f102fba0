import { assert, assertEquals } from "@std/assert";
import type { CommandRecord } from "../../src/journal/record.ts";
import { spansOf, traceOf, workContext } from "../../src/tracing/command_spans.ts";

const ALWAYS = { isParentBased: true, ratio: 1 };
const FROM = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  isSampled: true,
  state: "a=1",
};

const COMMAND: CommandRecord = {
  id: "01KCOMMAND",
  kind: "inference",
  requestId: "r1",
  workloadUuid: undefined,
  slug: "my-node",
  instanceUuid: "u-1",
  replyTopic: "replies",
  state: "ended",
  acceptedAt: 1_000,
  startedAt: 1_500,
  endedAt: 4_000,
  handle: undefined,
  stop: undefined,
  end: { cause: "exited", exitCode: 0, bytes: 0 },
};

Deno.test("a command is one trace: from its message to its reply, with all that was in between", () => {
  const spans = spansOf(COMMAND, traceOf(COMMAND.id, FROM, ALWAYS), 4_200);
  assertEquals(
    spans.map(({ name, kind, start, end }) => [name, kind, start, end]),
    [
      ["inference", "consumer", 1_000, 4_200],
      ["inference queue", "internal", 1_000, 1_500],
      ["inference run", "internal", 1_500, 4_000],
      ["inference reply", "internal", 4_000, 4_200],
    ],
  );
  const [root, ...parts] = spans;
  assertEquals(root?.events, [
    { name: "received", at: 1_000 },
    { name: "started", at: 1_500 },
    { name: "ended", at: 4_000 },
    { name: "replied", at: 4_200 },
  ]);
  assertEquals([root?.traceId, root?.parentId, root?.state], [FROM.traceId, FROM.spanId, "a=1"]);
  for (const { traceId, parentId } of parts) {
    assertEquals([traceId, parentId], [FROM.traceId, root?.spanId]);
  }
  assertEquals(new Set(spans.map(({ spanId }) => spanId)).size, 4);
  for (const { spanId, error } of spans) {
    assert(/^[0-9a-f]{16}$/.test(spanId));
    assertEquals(error, undefined);
  }
});

Deno.test("what a command runs belongs under the span of its run", () => {
  const trace = traceOf(COMMAND.id, FROM, ALWAYS);
  const run = spansOf(COMMAND, trace, 4_200).find(({ name }) => name === "inference run");
  assertEquals(workContext(COMMAND.id, trace), { ...FROM, spanId: run!.spanId });
});

Deno.test("a command without a trace begins one, the same each time", () => {
  const trace = traceOf(COMMAND.id, undefined, ALWAYS);
  assert(/^[0-9a-f]{32}$/.test(trace.traceId));
  assertEquals([trace.parentId, trace.isSampled], [undefined, true]);
  assertEquals(traceOf(COMMAND.id, undefined, ALWAYS), trace);
  assert(traceOf("another", undefined, ALWAYS).traceId !== trace.traceId);
});

Deno.test("a sender decides whether its trace is recorded, unless the sampler says otherwise", () => {
  const off = { ...FROM, isSampled: false };
  assertEquals(traceOf("c", off, ALWAYS).isSampled, false);
  assertEquals(traceOf("c", off, { isParentBased: false, ratio: 1 }).isSampled, true);
  assertEquals(traceOf("c", FROM, { isParentBased: true, ratio: 0 }).isSampled, true);
  assertEquals(traceOf("c", FROM, { isParentBased: false, ratio: 0 }).isSampled, false);
  const half = { isParentBased: true, ratio: 0.5 };
  const sampled = Array.from({ length: 1_000 }, (_, index) => traceOf(`c${index}`, undefined, half))
    .filter(({ isSampled }) => isSampled).length;
  assert(sampled > 400 && sampled < 600, `${sampled} of 1000`);
});

Deno.test("failures say why, and cancelled commands that never ran have no run", () => {
  const failed: [CommandRecord["end"], string][] = [
    [{ cause: "exited", exitCode: 3, bytes: 0 }, "exit code 3"],
    [{ cause: "killed", signal: "SIGKILL", bytes: 0 }, "killed (SIGKILL)"],
    [{ cause: "lost", bytes: 0 }, "lost"],
    [{ cause: "timed_out", signal: "SIGTERM", bytes: 0 }, "timed_out (SIGTERM)"],
  ];
  const trace = traceOf(COMMAND.id, undefined, ALWAYS);
  for (const [end, error] of failed) {
    const spans = spansOf({ ...COMMAND, end }, trace, 4_200);
    const failing = spans.filter((span) => span.error !== undefined);
    assertEquals(failing.map((span) => [span.name, span.error]), [
      ["inference", error],
      ["inference run", error],
    ]);
    assertEquals(failing[0]!.attributes["error.type"], end!.cause);
  }
  const end = { cause: "cancelled", bytes: 0 } as const;
  const spans = spansOf({ ...COMMAND, startedAt: undefined, end }, trace, 4_200);
  assertEquals(spans.map(({ name, end }) => [name, end]), [
    ["inference", 4_200],
    ["inference queue", 4_000],
    ["inference reply", 4_200],
  ]);
});

Deno.test("the span of a run says what was used, as far as that is known", () => {
  const trace = traceOf(COMMAND.id, undefined, ALWAYS);
  const resources = { cpuSeconds: 1.25, peakMemoryBytes: 4_096 };
  const end = { cause: "exited", exitCode: 0, bytes: 0, resources } as const;
  const [root, , run] = spansOf({ ...COMMAND, end }, trace, 4_200);
  assertEquals(run!.attributes, {
    "cyberwave.command.end": "exited",
    "process.exit.code": 0,
    "cyberwave.resources.cpu_seconds": 1.25,
    "cyberwave.resources.peak_memory_bytes": 4_096,
  });
  assertEquals(root!.attributes["cyberwave.resources.cpu_seconds"], undefined);
});

Deno.test("no span ends before it begins when the clock was set back", () => {
  const trace = traceOf(COMMAND.id, undefined, ALWAYS);
  const back = { ...COMMAND, startedAt: 500, endedAt: 200 };
  for (const { start, end } of spansOf(back, trace, 100)) assert(end >= start);
});

import { assertEquals } from "@std/assert";
import {
  fractionOf,
  isSameProgress,
  type Progress,
  progressMessage,
  readProgress,
} from "../../src/protocol/progress.ts";

const READ: readonly [value: unknown, progress: Progress | undefined][] = [
  [{ progress: 0.4, message: "epoch 4" }, { progress: 0.4, message: "epoch 4" }],
  [{ progress: 4, total: 10 }, { progress: 4, total: 10 }],
  [{ message: "loading" }, { message: "loading" }],
  [{ progress: 1, progressToken: "r1", __proto__: { total: 2 } }, { progress: 1 }],
  [{}, undefined],
  [{ total: 10 }, undefined],
  [{ progress: "4" }, undefined],
  [{ progress: -1 }, undefined],
  [{ progress: Infinity }, undefined],
  [{ progress: NaN }, undefined],
  [{ progress: 1, total: 0 }, undefined],
  [{ progress: 1, total: null }, undefined],
  [{ progress: 1, message: 5 }, undefined],
  [[0.4], undefined],
  [0.4, undefined],
  [null, undefined],
];

Deno.test("progress is read from JSON, whatever stands there", () => {
  for (const [value, progress] of READ) {
    const json: unknown = value === undefined ? value : JSON.parse(JSON.stringify(value));
    assertEquals(readProgress(json), progress, JSON.stringify(value));
  }
});

Deno.test("what is not finite is no progress", () => {
  for (const progress of [Infinity, -Infinity, NaN]) {
    assertEquals([readProgress({ progress }), readProgress({ progress: 1, total: progress })], [
      undefined,
      undefined,
    ]);
  }
});

Deno.test("progress is a part of its total, or a fraction, or a count", () => {
  const cases: readonly [Progress, number | undefined][] = [
    [{ progress: 4, total: 10 }, 0.4],
    [{ progress: 11, total: 10 }, 1],
    [{ progress: 0.4 }, 0.4],
    [{ progress: 1 }, 1],
    [{ progress: 37 }, undefined],
    [{ message: "loading" }, undefined],
  ];
  for (const [progress, fraction] of cases) assertEquals(fractionOf(progress), fraction);
});

Deno.test("progress is published with the ids of its command", () => {
  assertEquals(
    progressMessage({ requestId: "r1", workloadUuid: undefined }, { progress: 4, total: 10 }),
    '{"request_id":"r1","progress":4,"total":10}',
  );
  assertEquals(
    progressMessage({ requestId: undefined, workloadUuid: "w-1" }, { message: "loading" }),
    '{"request_id":null,"workload_uuid":"w-1","message":"loading"}',
  );
});

Deno.test("progress is the same when all of it is", () => {
  const one = { progress: 1, total: 2, message: "a" };
  assertEquals(isSameProgress(one, { ...one }), true);
  for (const other of [{ ...one, progress: 2 }, { ...one, total: 3 }, { ...one, message: "b" }]) {
    assertEquals(isSameProgress(one, other), false);
  }
  assertEquals(isSameProgress(one, undefined), false);
});

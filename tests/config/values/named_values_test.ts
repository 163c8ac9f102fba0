import { assertEquals } from "@std/assert";
import { eachOf, sameForAll, someOf } from "../../../src/config/values/named_values.ts";
import { positiveCount } from "../../../src/config/values/values.ts";
import { WORKLOAD_KINDS } from "../../../src/protocol/kinds.ts";

const some = someOf(WORKLOAD_KINDS, positiveCount);
const every = eachOf(positiveCount, sameForAll(WORKLOAD_KINDS, 9));

Deno.test("one number is for every kind", () => {
  for (const given of [2, "2"]) {
    assertEquals(some.parse(given), { value: { inference: 2, training: 2, simulate: 2 } });
    assertEquals(every.parse(given), { value: { inference: 2, training: 2, simulate: 2 } });
  }
});

Deno.test("a mapping is for the kinds it names", () => {
  for (const given of [{ inference: 2, training: 1 }, "inference=2, training=1"]) {
    assertEquals(some.parse(given), { value: { inference: 2, training: 1 } });
    assertEquals(every.parse(given), { value: { inference: 2, training: 1, simulate: 9 } });
  }
  assertEquals(some.parse({}), { value: {} });
  assertEquals(some.parse({ inference: null, training: undefined }), { value: {} });
});

Deno.test("what is wrong is said for the kind it is wrong for", () => {
  const wrong: [unknown, string, string?][] = [
    ["abc", 'must be a positive whole number, got "abc"'],
    [0, "must be a positive whole number, got 0"],
    [[1], "must be a positive whole number, got [1]"],
    [{ training: 0 }, "for training must be a positive whole number, got 0", "training"],
    ["training=x", 'for training must be a positive whole number, got "x"', "training"],
    ["training=1=2", 'for training must be a positive whole number, got "1=2"', "training"],
    [{ trainig: 1 }, 'must be given for inference, training, simulate, got "trainig"', "trainig"],
    ["inference=1,", 'must be given for inference, training, simulate, got ""', ""],
  ];
  for (const [given, problem, key] of wrong) {
    assertEquals(some.parse(given), key === undefined ? { problem } : { problem, path: [key] });
  }
});

Deno.test("numbers per kind are shown as they can be written", () => {
  assertEquals(some.format({}), "none");
  assertEquals(some.format({ training: 5 }), "training=5");
  assertEquals(some.format({ inference: 1, training: 1, simulate: 1 }), "1");
  assertEquals(
    every.format({ inference: 2, training: 1, simulate: 1 }),
    "inference=2,training=1,simulate=1",
  );
});

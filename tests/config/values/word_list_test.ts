import { assertEquals } from "@std/assert";
import { someWords } from "../../../src/config/values/word_list.ts";
import { WORKLOAD_KINDS } from "../../../src/protocol/kinds.ts";

const kinds = someWords(WORKLOAD_KINDS);

Deno.test("words are given as a list, or with commas between them", () => {
  for (const given of [["training", "inference"], "training, inference"]) {
    assertEquals(kinds.parse(given), { value: ["training", "inference"] });
  }
  assertEquals(kinds.parse(""), { value: [] });
  assertEquals(kinds.format(["training", "inference"]), "training,inference");
});

Deno.test("other words, and one word twice, are refused", () => {
  for (const [given, got] of [["train", '"train"'], [["a"], '["a"]'], [5, "5"]] as const) {
    assertEquals(kinds.parse(given), {
      problem: `must be some of inference, training, simulate, got ${got}`,
    });
  }
  assertEquals("problem" in kinds.parse("training,training"), true);
});

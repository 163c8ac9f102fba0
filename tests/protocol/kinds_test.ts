import { assertEquals } from "@std/assert";
import { isWorkloadKind } from "../../src/protocol/kinds.ts";

Deno.test("inference, training and simulate run templates, and nothing else does", () => {
  for (const name of ["inference", "training", "simulate"]) {
    assertEquals(isWorkloadKind(name), true);
  }
  for (const name of ["status", "cancel", "Inference", "", "constructor", "0"]) {
    assertEquals(isWorkloadKind(name), false, name);
  }
});

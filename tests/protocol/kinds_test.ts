import { assertEquals } from "@std/assert";
import { isKindName, isWorkloadKind } from "../../src/protocol/kinds.ts";

Deno.test("inference, training and simulate run templates, and nothing else does", () => {
  for (const name of ["inference", "training", "simulate"]) {
    assertEquals(isWorkloadKind(name), true);
  }
  for (const name of ["status", "cancel", "Inference", "", "constructor", "0"]) {
    assertEquals(isWorkloadKind(name), false, name);
  }
});

Deno.test("a program may give its commands any name that is short and plain, and not taken", () => {
  for (const name of ["inference", "calibrate", "arm.home-2", "A", "x".repeat(64)]) {
    assertEquals(isKindName(name), true, name);
  }
  const wrong = ["", "1st", "a b", "a/b", "a\n", "é", "-a", "x".repeat(65)];
  for (const name of [...wrong, "status", "cancel", "workload_received"]) {
    assertEquals(isKindName(name), false, name);
  }
});

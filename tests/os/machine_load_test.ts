import { assert, assertEquals } from "@std/assert";
import { busyPart, LoadMeter } from "../../src/os/machine_load.ts";

Deno.test("load: the part of the processors' time that was not idle", () => {
  const before = { busy: 100, idle: 1000 };
  assertEquals(busyPart(before, { busy: 130, idle: 1010 }), 0.75);
  assertEquals(busyPart(before, { busy: 100, idle: 1040 }), 0);
  assertEquals(busyPart(before, before), undefined);
  assertEquals(busyPart(undefined, before), undefined);
  // A processor that was taken out took its counters along.
  assertEquals(busyPart(before, { busy: 60, idle: 1010 }), 0);
});

Deno.test("load: this machine has memory, and some of it is in use", () => {
  const { cpu, memoryUsedBytes, memoryTotalBytes } = new LoadMeter().read();
  assert(cpu === undefined || cpu >= 0 && cpu <= 1);
  assert(memoryUsedBytes! > 0 && memoryUsedBytes! < memoryTotalBytes!);
});

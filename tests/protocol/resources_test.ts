import { assertEquals } from "@std/assert";
import { readResources, resourcesJson } from "../../src/protocol/resources.ts";

Deno.test("resources as JSON have what is known, and are nothing where nothing is", () => {
  const all = { cpuSeconds: 1.5, peakMemoryBytes: 2, readBytes: 0, writtenBytes: 4 };
  const json = { cpu_seconds: 1.5, peak_memory_bytes: 2, read_bytes: 0, written_bytes: 4 };
  assertEquals([resourcesJson(all), readResources(json)], [json, all] as never);
  assertEquals(resourcesJson({ readBytes: 0 }), { read_bytes: 0 });
  for (const nothing of [{}, undefined]) assertEquals(resourcesJson(nothing), undefined);
});

Deno.test("resources that somebody has written otherwise are left out", () => {
  const given = { cpu_seconds: "1", peak_memory_bytes: -1, read_bytes: 7, other: 1 };
  assertEquals(readResources(given), { readBytes: 7 });
  for (const none of [null, [], 1, "a", {}, { cpu_seconds: null }]) {
    assertEquals(readResources(none), undefined);
  }
});

import { assertEquals } from "@std/assert";
import type { Settings } from "../../src/config/config.ts";
import { laneProblems, lanesOf, yieldProblems } from "../../src/config/lanes.ts";
import type { WorkerProgram } from "../../src/config/programs/workload_program.ts";
import { resolveConfig } from "../../src/config/resolve.ts";
import { flagSource, type Source, yamlSource } from "../../src/config/sources.ts";

const WORKER: WorkerProgram = {
  type: "worker",
  command: "python worker.py",
  workers: 2,
  concurrency: 3,
  ready: true,
  readyTimeout: 600,
  restartAfter: 0,
  unloadTimeout: 10,
  keepLoaded: 300,
  yieldTo: undefined,
};

const SETTINGS: Settings = { ...resolveConfig({}), inference: WORKER };

Deno.test("a lane has as many places as its workers together", () => {
  const lanes = { inference: 6, training: 1, simulate: 1 };
  assertEquals(lanesOf(SETTINGS, []).concurrency, lanes);
  const without = { ...SETTINGS, inference: undefined };
  assertEquals(lanesOf(without, []).concurrency, { ...lanes, inference: 1 });
});

function problemsWith(...sources: Source[]): string[] {
  return laneProblems(SETTINGS, sources).map(({ message }) => message);
}

Deno.test("concurrency may repeat what workers say, or say nothing of them", () => {
  for (const concurrency of [{ inference: 6 }, { training: 2 }, 6, undefined]) {
    assertEquals(problemsWith(yamlSource({ concurrency }, "cyberwave.yml")), []);
  }
});

Deno.test("concurrency may not contradict what workers say", () => {
  const yaml = yamlSource({ concurrency: { inference: 6 } }, "cyberwave.yml");
  assertEquals(problemsWith(flagSource({ concurrency: "1" }), yaml), [
    "concurrency gives inference 1, but what runs it takes 6 at once (from --concurrency)",
  ]);
});

Deno.test("nothing makes room for itself", () => {
  const yielding: WorkerProgram = { ...WORKER, yieldTo: "training" };
  assertEquals(yieldProblems({ ...SETTINGS, inference: yielding, simulate: yielding }), []);
  assertEquals(yieldProblems({ ...SETTINGS, training: yielding }).map(({ message }) => message), [
    "training has yield_to: training, but cannot make room for itself",
  ]);
});

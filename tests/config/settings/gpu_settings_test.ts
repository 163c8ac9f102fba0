import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { CloudNodeConfig } from "../../../src/config/node_config.ts";
import { gpuProblems } from "../../../src/config/settings/gpu_settings.ts";
import { lanesOnGpus } from "../../../src/config/lanes.ts";
import { resolveConfig } from "../../../src/config/resolve.ts";
import { ConfigError } from "../../../src/errors.ts";

const CHOICES: readonly [given: unknown, expected: unknown][] = [
  ["auto", "auto"],
  [2, 2],
  ["2", 2],
  [[0, 1], ["0", "1"]],
  ["0,1", ["0", "1"]],
  ["[0]", ["0"]],
  [["GPU-5f1d8a42", "MIG-c7384736-a75d"], ["GPU-5f1d8a42", "MIG-c7384736-a75d"]],
  ["MIG-GPU-a/7/0", ["MIG-GPU-a/7/0"]],
];

for (const [given, expected] of CHOICES) {
  Deno.test(`gpus: ${JSON.stringify(given)} is ${JSON.stringify(expected)}`, () => {
    assertEquals<unknown>(resolveConfig({ gpus: given as number }).gpus, expected);
  });
}

const WRONG = [
  0,
  -1,
  1.5,
  5000,
  "all",
  [],
  "",
  [0, 0],
  [[0]],
  ["0; rm -rf /"],
  [0, "GPU-a"],
  { 0: 1 },
  ["GPU-"],
];

for (const given of WRONG) {
  Deno.test(`gpus may not be ${JSON.stringify(given)}`, () => {
    const error = assertThrows(() => resolveConfig({ gpus: given as number }), ConfigError);
    assertStringIncludes(error.message, "gpus must be ");
  });
}

Deno.test("as many commands of a kind run at once as there are GPUs for, unless somebody says otherwise", () => {
  const lanes = (config: CloudNodeConfig) => Object.values(resolveConfig(config).concurrency);
  const gpusPer = { training: 2, simulate: 0 };
  assertEquals(lanes({ gpus: 4, gpusPer }), [4, 2, 1]);
  assertEquals(lanes({ gpus: 4, gpusPer, concurrency: { training: 1 } }), [4, 1, 1]);
  assertEquals(lanes({ gpus: 4, gpusPer, concurrency: 3 }), [3, 3, 3]);
  assertEquals(lanes({ gpus: 4, inference: { worker: "a" } }), [1, 4, 4]);
  assertEquals(lanes({ gpus: "auto" }), [1, 1, 1]);
  const auto = resolveConfig({ gpus: "auto", gpusPer, concurrency: { inference: 2 } });
  assertEquals(auto.gpuLanes, ["training"]);
  assertEquals(Object.values(lanesOnGpus(auto, 5)), [2, 2, 1]);
});

const IMPOSSIBLE: readonly [config: CloudNodeConfig, problem: string | undefined][] = [
  [{ training: "a", gpusPer: 2 }, undefined],
  [{ training: "a", gpusPer: 3 }, "training needs 3 GPUs, but gpus gives 2"],
  [{ gpusPer: 3 }, undefined],
  [
    { inference: { worker: "a", workers: 3 } },
    "the workers of inference need 3 GPUs, but gpus gives 2",
  ],
  [
    { inference: { worker: "a" }, training: "b", gpusPer: { training: 2 } },
    "training needs 2 GPUs, but the workers or servers of inference hold 1, and gpus gives 2",
  ],
  [
    { inference: { worker: "a", yieldTo: "training" }, training: "b", gpusPer: { training: 2 } },
    undefined,
  ],
  [{ inference: { worker: "a" }, training: "b" }, undefined],
  [{ inference: { url: "http://127.0.0.1:1/" }, training: "b", gpusPer: 2 }, undefined],
  [
    {
      inference: { server: "a", url: "http://127.0.0.1:1/", yieldTo: "training" },
      training: "b",
      simulate: "c",
      gpusPer: 2,
    },
    "simulate needs 2 GPUs, but the workers or servers of inference hold 2, and gpus gives 2",
  ],
];

for (const [config, problem] of IMPOSSIBLE) {
  Deno.test(`two GPUs for ${JSON.stringify(config)}: ${problem ?? "are enough"}`, () => {
    const settings = resolveConfig({ ...config, gpus: "auto" });
    assertEquals(gpuProblems(settings, 2).map(({ message }) => message), problem ? [problem] : []);
  });
}

Deno.test("GPUs that can never be had are an error of the configuration", () => {
  const config: CloudNodeConfig = { gpus: [0], training: "a", gpusPer: 2 };
  assertEquals(
    assertThrows(() => resolveConfig(config), ConfigError).message,
    "training needs 2 GPUs, but gpus gives 1",
  );
});

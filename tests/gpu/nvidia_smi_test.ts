import { assertEquals } from "@std/assert";
import { nvidiaSmi, parseComputeApp, parseNvidiaSmi } from "../../src/gpu/nvidia_smi.ts";
import { fileWritten, isAlive } from "../support/executors.ts";

const MIB = 1024 * 1024;

Deno.test("nvidia-smi: what a data centre card says", () => {
  const line =
    "0, GPU-5f1d8a42-2a3c-9f57-0d3e-6b1a7c1e9d10, NVIDIA H100 80GB HBM3, 87, 41236, 81559, 412.53, 61";
  assertEquals(parseNvidiaSmi(line), {
    index: 0,
    uuid: "GPU-5f1d8a42-2a3c-9f57-0d3e-6b1a7c1e9d10",
    name: "NVIDIA H100 80GB HBM3",
    utilization: 0.87,
    memoryUsedBytes: 41_236 * MIB,
    memoryTotalBytes: 81_559 * MIB,
    powerWatts: 412.53,
    temperatureCelsius: 61,
  });
});

Deno.test("nvidia-smi: what a driver does not tell is unknown, never 0", () => {
  const cases: [what: string, line: string][] = [
    ["MIG", "1, GPU-a1, NVIDIA A100-SXM4-40GB, [N/A], 30, 40960, 48.02, 33"],
    ["a laptop", "1, GPU-a1, NVIDIA GeForce MX150, [Not Supported], 30, 40960, 48.02, 33"],
    ["a card in trouble", "1, GPU-a1, NVIDIA A100, [Unknown Error], 30, 40960, 48.02, 33"],
    ["an old driver", "1, GPU-a1, Tesla K80, N/A, 30, 40960, 48.02, 33"],
    ["a card that needs a reset", "1, GPU-a1, A, [GPU requires reset], 30, 40960, 48.02, 33"],
  ];
  for (const [what, line] of cases) {
    const sample = parseNvidiaSmi(line)!;
    assertEquals(sample.utilization, undefined, what);
    assertEquals(sample.memoryUsedBytes, 30 * MIB, what);
  }
});

Deno.test("nvidia-smi: a model's name may have a comma in it", () => {
  assertEquals(
    parseNvidiaSmi("0, GPU-1, Strange, Inc. Card, 1, 2, 3, 4, 5")?.name,
    "Strange, Inc. Card",
  );
});

Deno.test("nvidia-smi: what is about no GPU is no sample", () => {
  const lines = [
    "",
    "No devices were found",
    "Unable to determine the device handle for GPU 0000:41:00.0: Unknown Error",
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
    "Failed to initialize NVML: Driver/library version mismatch",
    "0, GPU-1, A",
    "x, GPU-1, A, 1, 2, 3, 4, 5",
  ];
  for (const line of lines) assertEquals(parseNvidiaSmi(line), undefined, line);
});

Deno.test("nvidia-smi: processes, whose memory is unknown where the driver does not tell it", () => {
  const lines: [line: string, expected: unknown][] = [
    ["GPU-a1, 4242, 1024", { gpuUuid: "GPU-a1", pid: 4242, memoryUsedBytes: 1024 * MIB }],
    ["GPU-a1, 7, [N/A]", { gpuUuid: "GPU-a1", pid: 7, memoryUsedBytes: undefined }],
    ["GPU-a1, 7, [Insufficient Permissions]", {
      gpuUuid: "GPU-a1",
      pid: 7,
      memoryUsedBytes: undefined,
    }],
    ["MIG-a1-b2, 7, 5", { gpuUuid: "MIG-a1-b2", pid: 7, memoryUsedBytes: 5 * MIB }],
    ["[Not Supported]", undefined],
    ["No running processes found", undefined],
    ["GPU-a1, x, 5", undefined],
    ["GPU-a1, 7, 5, more", undefined],
    ["", undefined],
  ];
  for (const [line, expected] of lines) {
    assertEquals(parseComputeApp(line), expected as never, line);
  }
});

Deno.test("nvidia-smi: one that prints nothing ends with its reader, also when that is killed", async () => {
  const folder = await Deno.makeTempDir();
  const text = `#!/bin/sh\necho $$ >${folder}/pid\nexec sleep 1000\n`;
  await Deno.writeTextFile(`${folder}/nvidia-smi`, text, { mode: 0o700 });
  const child = new Deno.Command("sh", {
    args: nvidiaSmi([]),
    env: { PATH: `${folder}:${Deno.env.get("PATH")}` },
    stdin: "piped",
  }).spawn();
  const pid = Number(await fileWritten(`${folder}/pid`));
  await child.stdin.close();
  await child.status;
  assertEquals(await isAlive(pid), false);
  await Deno.remove(folder, { recursive: true });
});

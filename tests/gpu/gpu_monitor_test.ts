import { assertEquals, assertMatch } from "@std/assert";
import { GpuMonitor, type GpuReadings } from "../../src/gpu/gpu_monitor.ts";
import type { GpuSample } from "../../src/gpu/nvidia_smi.ts";
import { FakeClock } from "../support/clock.ts";
import { RecordingLogger } from "../support/events.ts";

const CARD = "GPU-5f1d8a42, NVIDIA H100 80GB HBM3, 87, 41236, 81559, 412.53, 61";
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** A monitor for which `nvidia-smi` is this shell script; `undefined`: there is none. */
class MonitorTest implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly monitor: GpuMonitor;
  readonly running: Promise<void>;
  readonly #stopping = new AbortController();

  private constructor(readonly folder: string) {
    const { clock, logger } = this;
    this.monitor = new GpuMonitor({ path: folder, sysfs: `${folder}/sys`, clock, logger });
    this.running = this.monitor.run(this.#stopping.signal);
  }

  /** `processes` is what it does when it is asked for those. */
  static async start(
    script?: string,
    processes = "exit",
    prepare: (folder: string) => void = () => {},
  ): Promise<MonitorTest> {
    const folder = await Deno.makeTempDir({ prefix: "gpu_" });
    for (const name of ["sh", "sleep"]) await Deno.symlink(`/bin/${name}`, `${folder}/${name}`);
    prepare(folder);
    if (script !== undefined) {
      const other = `case $1 in --query-compute-apps*) ${processes} ;; esac`;
      const text = `#!/bin/sh\n${other}\necho started >> ${folder}/starts\n${script}\n`;
      await Deno.writeTextFile(`${folder}/nvidia-smi`, text, { mode: 0o755 });
    }
    return new MonitorTest(folder);
  }

  /** What the monitor says once it says something that fits. */
  async readings(fits: (readings: GpuReadings) => boolean): Promise<GpuReadings> {
    for (;;) {
      const readings = this.monitor.readings();
      if (fits(readings)) return readings;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** How often nvidia-smi was started. */
  get starts(): number {
    return Deno.readTextFileSync(`${this.folder}/starts`).trim().split("\n").length;
  }

  async [Symbol.asyncDispose]() {
    this.#stopping.abort();
    await this.running;
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test("gpu monitor: one nvidia-smi tells of all cards for as long as it runs", async () => {
  const script = `echo "0, ${CARD}"; echo "1, ${CARD}"; exec /bin/sleep 1000`;
  await using test = await MonitorTest.start(script);
  const { samples, isSuccessful } = await test.readings(({ samples }) => samples.length === 2);
  assertEquals(samples.map(({ index, utilization }) => [index, utilization]), [[0, 0.87], [
    1,
    0.87,
  ]]);
  assertEquals([isSuccessful, test.starts], [true, 1]);
});

Deno.test("gpu monitor: without nvidia-smi there is nothing to say, and nothing goes on", async () => {
  await using test = await MonitorTest.start();
  await test.running;
  assertEquals(test.monitor.readings(), { samples: [], processes: [], isSuccessful: undefined });
  assertEquals(test.logger.lines.all, []);
});

Deno.test("gpu monitor: after three failures it pauses for five minutes, and says so once", async () => {
  const script = `echo "Failed to initialize NVML: Driver/library version mismatch"; exit 18`;
  await using test = await MonitorTest.start(script);
  for (const seconds of [1, 2]) {
    await test.clock.sleepingFor(seconds * SECOND);
    assertEquals(test.monitor.readings(), { samples: [], processes: [], isSuccessful: false });
    await test.clock.advance(seconds * SECOND);
  }
  const { message } = await test.logger.lines.next();
  assertMatch(message, /^nvidia-smi failed 3 times \("Failed to initialize NVML: .*5 minutes$/);
  await test.clock.sleepingFor(5 * MINUTE);
  assertEquals(test.starts, 3);
  await test.clock.advance(5 * MINUTE);
  await test.clock.sleepingFor(SECOND);
  assertEquals(test.starts, 4);
});

Deno.test("gpu monitor: one that prints once and ends is started ever less often, which is said once", async () => {
  await using test = await MonitorTest.start(`echo "0, ${CARD}"`);
  for (const [index, seconds] of [1, 2, 4, 8, 16, 32, 60, 60].entries()) {
    await test.clock.sleepingFor(seconds * SECOND);
    assertEquals(test.starts, index + 1);
    const { samples, isSuccessful } = test.monitor.readings();
    assertEquals([samples.length, isSuccessful], [1, true], "what it has printed is true");
    await test.clock.advance(seconds * SECOND);
  }
  await test.clock.sleepingFor(60 * SECOND);
  assertEquals(test.logger.lines.all.map(({ message }) => message), [
    "nvidia-smi prints, but then ends or hangs instead of going on: " +
    "GPU metrics are up to 60 s old, or missing",
  ]);
});

const NO_MORE: readonly [what: string, does: string][] = [
  ["hangs, as when a card falls off the bus,", "exec /bin/sleep 1000"],
  ["goes on, but only complains,", 'while :; do echo "Unknown Error"; /bin/sleep 0.01; done'],
];

for (const [what, does] of NO_MORE) {
  Deno.test(`gpu monitor: an nvidia-smi that ${what} is started anew`, async () => {
    await using test = await MonitorTest.start(`echo "0, ${CARD}"; ${does}`);
    await test.readings(({ samples }) => samples.length === 1);
    await test.clock.sleepingFor(30 * SECOND);
    await test.clock.advance(30 * SECOND);
    const { samples } = await test.readings(({ isSuccessful }) => isSuccessful === false);
    assertEquals(samples, []);
  });
}

Deno.test("gpu monitor: an nvidia-smi that does not end when it is asked to keeps no node from stopping", async () => {
  const scripts = [
    `trap "" TERM; while :; do echo "0, ${CARD}"; /bin/sleep 0.1; done`,
    // A script that has started a program.
    `(while :; do echo "0, ${CARD}"; /bin/sleep 0.1; done) & wait`,
  ];
  for (const script of scripts) {
    await using test = await MonitorTest.start(script);
    await test.readings(({ samples }) => samples.length === 1);
  }
});

Deno.test("gpu monitor: processes on GPUs, with memory where the driver tells", async () => {
  const apps = 'echo "GPU-5f1d8a42, 4242, 1024"; echo "GPU-5f1d8a42, 7, [N/A]"; ' +
    'echo "[Not Supported]"; exec /bin/sleep 1000';
  await using test = await MonitorTest.start(`echo "0, ${CARD}"; exec /bin/sleep 1000`, apps);
  const { processes } = await test.readings(({ processes }) => processes.length === 2);
  assertEquals(processes.map(({ pid, memoryUsedBytes }) => [pid, memoryUsedBytes]), [
    [4242, 2 ** 30],
    [7, undefined],
  ]);
  await test.clock.advance(15 * SECOND);
  assertEquals(test.monitor.readings().processes, [], "what is not reported any more has ended");
});

Deno.test("gpu monitor: without nvidia-smi it reads what the driver of AMD shows", async () => {
  await using test = await MonitorTest.start(undefined, undefined, (folder) => {
    const write = (path: string, text: string) => {
      const file = `${folder}/sys/class/drm/${path}`;
      Deno.mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true });
      Deno.writeTextFileSync(file, `${text}\n`);
    };
    // A display, a card with everything, and one whose driver tells little.
    write("card0/device/vendor", "0x1a03");
    write("card1/device/mem_info_vram_total", "68702699520");
    write("card1/device/mem_info_vram_used", "1073741824");
    write("card1/device/gpu_busy_percent", "37");
    write("card1/device/unique_id", "62f4b6cbdb2f5ea6");
    write("card1/device/product_name", "Instinct MI250X");
    write("card1/device/hwmon/hwmon3/power1_average", "91500000");
    write("card1/device/hwmon/hwmon3/temp1_input", "43000");
    write("card10/device/mem_info_vram_total", "1048576");
  });
  const { samples, isSuccessful } = await test.readings(({ samples }) => samples.length === 2);
  const [all, little] = samples.map(({ at: _, ...sample }: GpuSample & { at?: number }) => sample);
  assertEquals(all, {
    index: 0,
    uuid: "GPU-62f4b6cbdb2f5ea6",
    name: "Instinct MI250X",
    utilization: 0.37,
    memoryUsedBytes: 2 ** 30,
    memoryTotalBytes: 68_702_699_520,
    powerWatts: 91.5,
    temperatureCelsius: 43,
  });
  assertEquals(little, {
    index: 1,
    uuid: "card10",
    name: "AMD GPU",
    utilization: undefined,
    memoryUsedBytes: undefined,
    memoryTotalBytes: 2 ** 20,
    powerWatts: undefined,
    temperatureCelsius: undefined,
  });
  assertEquals(isSuccessful, true);
});

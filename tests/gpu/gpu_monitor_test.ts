import { assertEquals, assertMatch } from "@std/assert";
import { GpuMonitor, type GpuReadings } from "../../src/gpu/gpu_monitor.ts";
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
    this.monitor = new GpuMonitor({ path: folder, clock: this.clock, logger: this.logger });
    this.running = this.monitor.run(this.#stopping.signal);
  }

  static async start(script?: string): Promise<MonitorTest> {
    const folder = await Deno.makeTempDir({ prefix: "gpu_" });
    await Deno.symlink("/bin/sh", `${folder}/sh`);
    if (script !== undefined) {
      const text = `#!/bin/sh\necho started >> ${folder}/starts\n${script}\n`;
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
  assertEquals(test.monitor.readings(), { samples: [], isSuccessful: undefined });
  assertEquals(test.logger.lines.all, []);
});

Deno.test("gpu monitor: after three failures it pauses for five minutes, and says so once", async () => {
  const script = `echo "Failed to initialize NVML: Driver/library version mismatch"; exit 18`;
  await using test = await MonitorTest.start(script);
  for (const _ of [1, 2]) {
    await test.clock.sleepingFor(SECOND);
    assertEquals(test.monitor.readings(), { samples: [], isSuccessful: false });
    await test.clock.advance(SECOND);
  }
  const { message } = await test.logger.lines.next();
  assertMatch(message, /^nvidia-smi failed 3 times \("Failed to initialize NVML: .*5 minutes$/);
  await test.clock.sleepingFor(5 * MINUTE);
  assertEquals(test.starts, 3);
  await test.clock.advance(5 * MINUTE);
  await test.clock.sleepingFor(SECOND);
  assertEquals(test.starts, 4);
});

Deno.test("gpu monitor: a card that falls off the bus hangs nvidia-smi, which is started anew", async () => {
  const script = `echo "0, ${CARD}"; exec /bin/sleep 1000`;
  await using test = await MonitorTest.start(script);
  await test.readings(({ samples }) => samples.length === 1);
  await test.clock.sleepingFor(30 * SECOND);
  await test.clock.advance(30 * SECOND);
  const { samples } = await test.readings(({ isSuccessful }) => isSuccessful === false);
  assertEquals(samples, []);
});

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

import { assert, assertEquals } from "@std/assert";
import { addLook, measureOnce, Meter } from "../../../src/executors/process/meter.ts";
import { ProcessExecutor } from "../../../src/executors/process/process_executor.ts";
import { parseUsage } from "../../../src/executors/process/usage.ts";
import { type Clock, systemClock } from "../../../src/time.ts";
import { FakeClock } from "../../support/clock.ts";
import { RecordingLogger } from "../../support/events.ts";
import { Bench, fileWritten, HOST, HOSTS } from "../../support/executors.ts";

const SECOND = 1_000;
const hasProc = Deno.build.os === "linux";

function benchFor(template: string, host = HOST, clock: Clock = systemClock): Bench {
  return new Bench(({ workFolder, logger }) =>
    new ProcessExecutor({
      templates: { inference: template },
      env: { PATH: Deno.env.get("PATH")! },
      workFolder,
      host,
      isMetered: clock !== systemClock,
      clock,
      logger,
    })
  );
}

/** Holds 40 MB in a process that another one waits for, and says when it does. */
const HOLDS = 'sh -c \'x=$(head -c 40000000 /dev/zero | tr "\\0" a); echo held >held.new; ' +
  "mv held.new held; until [ -e go ]; do sleep 0.02; done'; :";

Deno.test("what a supervisor prints of its workload's use is read, in every locale", () => {
  const times = (children: string) => ["0m9.000s 0m9.000s", children];
  const table: [lines: string[], used: unknown][] = [
    [times("1m2.345s 0m0.155s"), { cpuSeconds: 62.5 }],
    [times("0m1,500s 0m0,250s"), { cpuSeconds: 1.75 }],
    [times("0m0.010000s 0m0.000000s"), { cpuSeconds: 0.01 }],
    [["0m0.010s 0m0.000s"], undefined],
    [[...times("0m1s 0m1s"), "io 1 2 11 102"], { cpuSeconds: 2, readBytes: 10, writtenBytes: 100 }],
    [["io  1 2"], undefined],
    [["io 5 5 1 1"], { readBytes: 0, writtenBytes: 0 }],
    [[], undefined],
    [["nonsense", "io a b c d", "1m2.3.4s 0m0s", "1m2.3.4s 0m0s"], undefined],
  ];
  for (const [lines, used] of table) assertEquals(parseUsage(lines), used as never, lines.join());
});

Deno.test("looks at a workload add up to the most that was seen; what is unknown stays unknown", () => {
  const first = addLook(undefined, [
    { cpuSeconds: 2, usage: { memoryBytes: 10, peakBytes: 50, readBytes: 5 } },
    { cpuSeconds: 1, usage: { memoryBytes: 20, peakBytes: 20 } },
  ]);
  assertEquals(first, { cpuSeconds: 3, peakMemoryBytes: 50, readBytes: 5 });
  const second = addLook(first, [{ cpuSeconds: 2, usage: { memoryBytes: 70 } }]);
  assertEquals(second, { cpuSeconds: 3, peakMemoryBytes: 70, readBytes: 5 });
  assertEquals(addLook(undefined, [{ usage: {} }]), {});
});

for (const host of HOSTS) {
  Deno.test(`a command that has ended has used CPU time, as a later node finds too, under ${host.shell}`, async () => {
    await using bench = benchFor("i=0; while [ $i -lt 30000 ]; do i=$((i + 1)); done", host);
    const { execution, folder } = bench.start();
    assertEquals(execution.resources, undefined);
    await execution.exit;
    const { resources } = execution;
    assert(resources!.cpuSeconds! > 0 && resources!.cpuSeconds! < 60);
    if (hasProc) assert(resources!.readBytes! >= 0 && resources!.writtenBytes! >= 0);
    assertEquals(resources!.peakMemoryBytes, undefined, "nobody has looked");
    const recovered = await bench.executor.recover(await execution.started, folder);
    assertEquals(recovered.type === "ended" && recovered.resources, resources);
  });
}

Deno.test({
  name:
    "one look shows what a workload uses in all its processes, without its supervisor and pumps",
  ignore: !hasProc,
  fn: async () => {
    await using bench = benchFor(HOLDS);
    const { execution } = bench.start();
    const { process } = await execution.started;
    await fileWritten(`${bench.workFolder}/held`);
    const [measured] = await measureOnce([process!]);
    const { peakMemoryBytes, cpuSeconds } = measured!.resources!;
    assert(peakMemoryBytes! > 40e6 && peakMemoryBytes! < 400e6, `${peakMemoryBytes}`);
    assert(cpuSeconds! >= 0);
    Deno.writeTextFileSync(`${bench.workFolder}/go`, "");
    await execution.exit;
    assertEquals((await measureOnce([process!]))[0]!.resources, undefined, "nothing is left");
  },
});

Deno.test({
  name: "the node looks at all workloads together after a second, then every five, while any runs",
  ignore: !hasProc,
  fn: async () => {
    await using bench = benchFor(HOLDS);
    const { execution } = bench.start();
    const { process } = await execution.started;
    await fileWritten(`${bench.workFolder}/held`);
    const clock = new FakeClock();
    const meter = new Meter({ clock, logger: new RecordingLogger() });
    const ended = Promise.withResolvers<void>();
    const one = meter.follow(process!, ended.promise);
    const other = meter.follow({ ...process!, startTime: "1" }, ended.promise);
    assertEquals([one.resources, other.resources], [undefined, undefined]);
    await clock.sleepingFor(SECOND);
    await clock.advance(SECOND);
    await clock.sleepingFor(SECOND);
    const first = one.resources;
    assert(first!.peakMemoryBytes! > 40e6);
    assertEquals(other.resources, undefined, "another process has its pid");
    ended.resolve();
    await clock.advance(SECOND);
    await meter.close();
    Deno.writeTextFileSync(`${bench.workFolder}/go`, "");
    await execution.exit;
  },
});

Deno.test({
  name: "what was seen of a command while it ran is part of what it has used",
  ignore: !hasProc,
  fn: async () => {
    const clock = new FakeClock();
    await using bench = benchFor(HOLDS, HOST, clock);
    const { execution } = bench.start();
    await fileWritten(`${bench.workFolder}/held`);
    await clock.sleepingFor(SECOND);
    await clock.advance(SECOND);
    await clock.sleepingFor(SECOND);
    Deno.writeTextFileSync(`${bench.workFolder}/go`, "");
    await execution.exit;
    const { cpuSeconds, peakMemoryBytes } = execution.resources!;
    assert(cpuSeconds! > 0 && peakMemoryBytes! > 1e6);
  },
});

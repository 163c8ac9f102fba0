import { assertEquals } from "@std/assert";
import { ProcessExecutor } from "../../../src/executors/process/process_executor.ts";
import type { Host } from "../../../src/os/processes.ts";
import { systemClock } from "../../../src/time.ts";
import { Bench, HOSTS } from "../../support/executors.ts";
import { hasMemoryGroups, MemoryGroup } from "../../support/memory_group.ts";

const PATH = Deno.env.get("PATH")!;

if (!hasMemoryGroups()) console.warn("No kernel kills here: this user can make no memory cgroup");

/** A place for a command that runs `template` where the kernel counts in `counter`. */
function benchFor(template: string, host: Host, counter: string): Bench {
  return new Bench(({ workFolder, logger }) =>
    new ProcessExecutor({
      templates: { inference: template },
      env: { PATH },
      workFolder,
      host: { ...host, oomKillCounter: counter },
      clock: systemClock,
      logger,
    })
  );
}

/** How a command ends that changes the counter from one text to another. */
async function endWith(
  host: Host,
  { before, after, end }: { before?: string; after?: string; end: string },
) {
  const counter = Deno.makeTempFileSync({ prefix: "cloud_node_counter_" });
  if (before === undefined) Deno.removeSync(counter);
  else Deno.writeTextFileSync(counter, before);
  const change = after === undefined ? `rm -f ${counter}` : `printf '${after}' >${counter}`;
  await using bench = benchFor(`${change}; ${end}`, host, counter);
  const started = bench.start();
  const { exit } = await bench.ended(started);
  const recovered = await bench.executor.recover(await started.execution.started, started.folder);
  assertEquals(recovered.type === "ended" && recovered.exit, exit, "a later node finds the same");
  await Deno.remove(counter).catch(() => {});
  return exit;
}

const KILLED = { type: "exited", code: 137 } as const;
const OOM_KILLED = { ...KILLED, oomKill: true } as const;
const KILL = "kill -KILL $$";

for (const host of HOSTS) {
  const table: [what: string, Parameters<typeof endWith>[1], exit: unknown][] = [
    [
      "it rises",
      { before: "max 1\noom_kill 9\n", after: "max 2\noom_kill 10\n", end: KILL },
      OOM_KILLED,
    ],
    ["it stays as it is", { before: "oom_kill 9\n", after: "oom_kill 9\n", end: KILL }, KILLED],
    ["it begins anew", { before: "oom_kill 9\n", after: "oom_kill 1\n", end: KILL }, KILLED],
    ["it can no longer be read", { before: "oom_kill 9\n", end: KILL }, KILLED],
    ["it could not be read before", { after: "oom_kill 9\n", end: KILL }, KILLED],
    ["it has no number", { before: "oom_kill 1\n", after: "oom_kill\n", end: KILL }, KILLED],
    [
      "it rises, and the command fails by itself",
      { before: "oom_kill 1\n", after: "oom_kill 2\n", end: "exit 3" },
      { type: "exited", code: 3 },
    ],
  ];
  for (const [what, change, exit] of table) {
    const said = exit === OOM_KILLED ? "said with the end" : "nothing is said";
    Deno.test(`the kernel's counter of kills under ${host.shell}: ${what}: ${said}`, async () =>
      assertEquals(await endWith(host, change), exit as never));
  }

  if (!hasMemoryGroups()) continue;
  Deno.test(`a command under ${host.shell} that the kernel kills for lack of memory ends as such`, async () => {
    using group = MemoryGroup.make(64 * 1024 ** 2)!;
    for (const counter of [group.counter, "/proc/vmstat"]) {
      // It keeps all of a line.
      const template = `echo $$ >${group.processes}; exec tail /dev/zero`;
      await using bench = benchFor(template, host, counter);
      assertEquals((await bench.run()).exit, OOM_KILLED, counter);
    }
  });
}

import { assert, assertEquals, assertMatch } from "@std/assert";
import { ProcessExecutor } from "../../../src/executors/process/process_executor.ts";
import { findMemoryLimiter, type MemoryLimiter } from "../../../src/os/memory_limiter.ts";
import { systemClock } from "../../../src/time.ts";
import { Bench, HOST, HOSTS } from "../../support/executors.ts";
import { hasMemoryGroups, MemoryGroup } from "../../support/memory_group.ts";

const MIB = 1024 ** 2;
const PATH = Deno.env.get("PATH")!;

/** Where inferences may have so much memory, and trainings all there is. */
function benchFor(
  templates: Readonly<Record<string, string>>,
  limiter: MemoryLimiter,
  bytes: number,
  host = HOST,
): Bench {
  return new Bench(({ workFolder, logger }) =>
    new ProcessExecutor({
      templates,
      memory: { limits: { inference: bytes }, limiter },
      env: { PATH },
      workFolder,
      host,
      clock: systemClock,
      logger,
    })
  );
}

/** A folder with a systemd-run that is this shell script; its arguments are written down. */
async function fakeSystemd(script: string): Promise<{ folder: string } & AsyncDisposable> {
  const folder = await Deno.makeTempDir({ prefix: "cloud_node_systemd_" });
  const text = `#!/bin/sh\necho "$@" >>${folder}/calls\n${script}\n`;
  await Deno.writeTextFile(`${folder}/systemd-run`, text, { mode: 0o755 });
  return {
    folder,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

/** Runs what stands after the options. */
const RUN = 'until [ "$1" = -- ]; do shift; done; shift; exec "$@"';

for (const host of HOSTS) {
  Deno.test(`without systemd each process gets its share of the address space, under ${host.shell}`, async () => {
    const templates = { inference: "ulimit -v", training: "ulimit -v" };
    await using bench = benchFor(templates, { type: "ulimit" }, 512 * MIB, host);
    assertEquals((await bench.run({ kind: "inference" })).stdout, `${512 * 1024}\n`);
    assertEquals((await bench.run({ kind: "training" })).stdout, "unlimited\n");
  });

  Deno.test(`a command in a scope is what it is without one, under ${host.shell}`, async () => {
    await using systemd = await fakeSystemd(RUN);
    const limiter = await findMemoryLimiter({ PATH: `${systemd.folder}:${PATH}` });
    assert(limiter.type === "scope");
    const template = 'printf "%s|" "$0" {body} "$PATH"; env | grep -c cloud_node_; exit 3';
    await using bench = benchFor(
      { inference: template, training: template },
      limiter,
      64 * MIB,
      host,
    );
    const params = JSON.stringify({ text: 'it\'s "$HOME" `x`' });
    const inScope = await bench.run({ kind: "inference", params });
    assertEquals(inScope, await bench.run({ kind: "training", params }));
    assertEquals(inScope.exit, { type: "exited", code: 3 });
    const calls = Deno.readTextFileSync(`${systemd.folder}/calls`).trim().split("\n");
    assertEquals(calls.length, 2, "one to see whether it works, and one for the inference");
    assertMatch(
      calls[1]!,
      /^--(user|system) --scope --quiet --collect -p MemoryMax=67108864 -p Mem/,
    );
  });
}

Deno.test("where systemd makes no scope there is ulimit", async () => {
  await using systemd = await fakeSystemd("echo 'Failed to connect to bus' >&2; exit 1");
  const limiter = await findMemoryLimiter({ PATH: `${systemd.folder}:${PATH}` });
  assertEquals(limiter, { type: "ulimit" });
  await Deno.remove(`${systemd.folder}/systemd-run`);
  await Deno.symlink("/bin/sh", `${systemd.folder}/sh`);
  assertEquals(await findMemoryLimiter({ PATH: systemd.folder }), { type: "ulimit" });
});

Deno.test({
  name: "a command that takes more than its scope has is killed by the kernel, and that is known",
  ignore: !hasMemoryGroups(),
  fn: async () => {
    using group = MemoryGroup.make(64 * MIB)!;
    await using systemd = await fakeSystemd(`echo $$ >${group.processes}\n${RUN}`);
    const limiter: MemoryLimiter = {
      type: "scope",
      words: `${systemd.folder}/systemd-run --user --scope`,
    };
    const host = { ...HOST, oomKillCounter: "/proc/vmstat" };
    // It keeps all of a line.
    await using bench = benchFor({ inference: "exec tail /dev/zero" }, limiter, 64 * MIB, host);
    const { exit } = await bench.run({ kind: "inference" });
    assertEquals(exit, { type: "exited", code: 137, oomKill: true });
  },
});

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  inspectHost,
  inspectProcesses,
  listProcesses,
  ShellMissingError,
  signalGroup,
  startTimes,
} from "../../src/os/processes.ts";
import { HOST, isAlive } from "../support/executors.ts";

/** A process that sits in a group of its own until it is told to end. */
class Bystander implements AsyncDisposable {
  readonly #child = new Deno.Command("cat", { stdin: "piped", stdout: "null", detached: true })
    .spawn();

  get pid(): number {
    return this.#child.pid;
  }

  get ended(): Promise<Deno.CommandStatus> {
    return this.#child.status;
  }

  async identity() {
    const startTime = (await startTimes([this.pid])).get(this.pid)!;
    return { pid: this.pid, startTime, bootId: HOST.bootId };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stdin.close().catch(() => {});
    await this.#child.status;
  }
}

Deno.test("the group of a process is signalled when it is that process", async () => {
  await using bystander = new Bystander();
  assertEquals(await signalGroup(await bystander.identity(), "SIGTERM", HOST), true);
  assertEquals((await bystander.ended).signal, "SIGTERM");
});

Deno.test("a process that only has the same pid is never signalled", async () => {
  await using bystander = new Bystander();
  const identity = await bystander.identity();
  const strangers = [
    { ...identity, startTime: String(Number(identity.startTime) - 1) },
    { ...identity, startTime: "" },
    { ...identity, bootId: "another-boot" },
    { ...identity, bootId: "" },
  ];
  for (const stranger of strangers) {
    assertEquals(await signalGroup(stranger, "SIGKILL", HOST), false);
  }
  const otherBoot = { ...HOST, bootId: "another-boot" };
  assertEquals(await signalGroup(identity, "SIGKILL", otherBoot), false);
  assert(await isAlive(bystander.pid));
});

Deno.test("a process that is gone is not signalled, nor is anything else", async () => {
  const bystander = new Bystander();
  const identity = await bystander.identity();
  await bystander[Symbol.asyncDispose]();
  assertEquals(await signalGroup(identity, "SIGKILL", HOST), false);
});

Deno.test("start times are told of those that exist, and only of those", async () => {
  await using first = new Bystander();
  await using second = new Bystander();
  const gone = new Bystander();
  await gone[Symbol.asyncDispose]();
  const times = await startTimes([gone.pid, first.pid, gone.pid, second.pid, 999_999_999]);
  assertEquals([...times.keys()], [first.pid, second.pid]);
  assertEquals(await startTimes([first.pid]), new Map([[first.pid, times.get(first.pid)!]]));
  assertEquals(await startTimes([]), new Map());
});

Deno.test("this machine has a shell, and a boot that stays the same", async () => {
  const host = await inspectHost();
  assertEquals(host, HOST);
  if (Deno.build.os === "linux") {
    assertEquals(host.bootId, Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim());
  }
});

Deno.test("a look that could not be completed is an error, not the absence of processes", async () => {
  await using bystander = new Bystander();
  await withShell("echo; kill -s KILL $$", async () => {
    await assertRejects(() => startTimes([bystander.pid]), Error, "before it answered");
    const identity = { pid: bystander.pid, startTime: "1", bootId: HOST.bootId };
    await assertRejects(() => signalGroup(identity, "SIGKILL", HOST));
  });
  assert(await isAlive(bystander.pid));
});

Deno.test("a machine without a shell is told so, with what to do", async () => {
  await withShell(undefined, async () => {
    const error = await assertRejects(() => inspectHost(), ShellMissingError, 'Cannot run "sh"');
    assert(error.hint?.includes("--allow-run=sh"));
  });
});

/** Lets `sh` be this script, or nothing at all, while `body` runs. */
async function withShell(script: string | undefined, body: () => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "cloud_node_shell_" });
  const path = Deno.env.get("PATH")!;
  if (script !== undefined) {
    Deno.writeTextFileSync(`${folder}/sh`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  Deno.env.set("PATH", folder);
  try {
    await body();
  } finally {
    Deno.env.set("PATH", path);
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("processes are found by what is in their environment", async () => {
  const text = `CLOUD_NODE_TEST=${crypto.randomUUID()}`;
  const [name, value] = text.split("=");
  const child = new Deno.Command("cat", {
    env: { [name!]: value! },
    stdin: "piped",
    stdout: "null",
  }).spawn();
  const { processes, holding } = await listProcesses([text, "no such text anywhere"]);
  const seen = processes.find(({ pid }) => pid === child.pid);
  assertEquals(seen?.parent, Deno.pid);
  assertEquals(seen?.startTime, (await startTimes([child.pid])).get(child.pid));
  if (Deno.build.os === "linux") {
    assertEquals(holding.map((pids) => [...pids]), [[child.pid], []]);
  }
  await child.stdin.close();
  await child.status;
});

Deno.test("the age of a process is known", async () => {
  const before = performance.now();
  await using bystander = new Bystander();
  const { ageMs } = (await inspectProcesses([bystander.pid])).get(bystander.pid)!;
  // Where only ps tells, it tells whole seconds.
  assert(ageMs >= 0 && ageMs <= performance.now() - before + 1_000, `${ageMs}`);
});

/** What the host looks like to a program that a shell starts in a certain way. */
async function hostFrom(start: string, ...before: string[]): Promise<Record<string, unknown>> {
  const module = new URL("../../src/os/processes.ts", import.meta.url).href;
  const program = `import { inspectHost } from ${JSON.stringify(module)};
    console.log(JSON.stringify(await inspectHost()));`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, program);
  const run = [Deno.execPath(), "run", "-A", "-q", file];
  const { stdout } = await new Deno.Command("env", {
    args: [...before, "sh", "-c", `${start} "$@"; :`, "sh", ...run],
  }).output();
  await Deno.remove(file);
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test({
  name: "a node knows what it was started with, although Deno has changed some of it",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const host = await hostFrom(`ulimit -S -n 321; umask 027
      BAD=$(printf 'a\\377') ALSO=$(printf '\\300x') GOOD=\u00e9`);
    assertEquals([host.openFiles, host.umask], [321, "0027"]);
    assertEquals(host.unreadable, ["BAD", "ALSO"]);
    assertEquals(host.ignoresHangup, false);
  },
});

Deno.test({
  name:
    "a node whose parent has ended takes the limit of open files from the leader of its session",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const { openFiles } = await hostFrom(
      `
      orphan() { ("$@" & exit) | cat; }
      ulimit -S -n 321
      orphan`,
      "setsid",
    );
    assertEquals(openFiles, 321);
  },
});

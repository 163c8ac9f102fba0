import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  asRecovered,
  resultOf,
  withShortIds,
  workloadTable,
} from "../../src/cli/subcommands/ps.ts";
import type { CommandRecord } from "../../src/journal/record.ts";
import { newCommand, processHandle, TestJournal } from "../support/journal.ts";
import type { Recovery } from "../../src/executors/process/recovery.ts";
import { Gate, Stage } from "../support/stage.ts";
import { endWorkers } from "../support/workers.ts";

const RUNNING: CommandRecord = {
  id: "id1",
  kind: "training",
  requestId: "t1",
  workloadUuid: undefined,
  slug: "s",
  instanceUuid: "u",
  replyTopic: "t",
  state: "running",
  acceptedAt: 0,
  startedAt: 60_000,
  handle: processHandle({ pid: 7, startTime: "1", bootId: "b" }),
  stop: undefined,
  endedAt: undefined,
  end: undefined,
};

Deno.test("ps says so when no node was ever here", async () => {
  await using stage = await Stage.set();
  const { code, stdout, stderr } = await stage.run(["ps"]);
  assertEquals([code, stdout], [0, ""]);
  assertStringIncludes(stderr, "No node runs with the state folder");
  assertStringIncludes(stderr, "There is no journal");
});

Deno.test("ps lists what ended, runs and waits, whether the node runs or not", async () => {
  await using stage = await Stage.set();
  const { folder } = stage.world;
  const gate = await Gate.in(folder);
  await stage.configure(`  inference: ${gate.template}\n  training: exit 3`);
  await using node = stage.start(["start"]);
  await using sender = await stage.senderFor(node);
  await sender.ask({ command: "training", request_id: "t1" });
  await sender.send({ command: "inference", request_id: "i1" });
  await sender.send({ command: "inference", request_id: "i2\u001b[2J\nforged" });
  await node.awaitLine(/waits for its turn/);

  // Without /proc there is no memory to be seen.
  const columns = /^ID +KIND +REQUEST +STATE +PID +AGE +TIME +CPU( +MEMORY)? +RESULT$/m;
  const rows = [
    /^\w+ +training +t1 +ended +- +[\d.]+s +[\d.]+s +[\d.]+s( +-)? +exit code 3$/m,
    /^\w+ +inference +i1 +running +\d+ +[\d.]+s +[\d.]+s +[\d.]+s( +[\d.]+ MiB)? +-$/m,
    /^\w+ +inference +i2\\u001b\[2J forged +queued +- +[\d.]+s +- +-( +-)? +-$/m,
  ];
  const up = await stage.run(["ps"]);
  for (const line of [columns, ...rows]) assertMatch(up.stdout, line);
  assertStringIncludes(up.stderr, `as process ${node.pid}`);

  await node.end("SIGKILL");
  assertMatch((await stage.run(["ps"])).stdout, rows[1]!);
  const down = await stage.run(["ps", "--json"]);
  const { node_pid, workloads } = JSON.parse(down.stdout);
  assertEquals(node_pid, null);
  assertEquals(
    workloads.map((workload: Record<string, unknown>) => [workload.request_id, workload.state]),
    [["t1", "ended"], ["i1", "running"], ["i2\u001b[2J\nforged", "queued"]],
  );
});

Deno.test("ps says the state of workers and servers, and why, while the node runs", async () => {
  await using stage = await Stage.set();
  await using _ = { [Symbol.asyncDispose]: () => endWorkers(`${stage.world.stateFolder}/workers`) };
  const ready = `echo '{"jsonrpc":"2.0","method":"ready"}'; exec cat`;
  const broken = "echo 'no such\u001b[2J model' >&2; exit 3";
  await stage.configure(
    `  inference: {worker: ${JSON.stringify(ready)}}\n  training: {worker: ${
      JSON.stringify(broken)
    }}`,
  );
  await using node = await stage.startNode();
  await node.awaitLine(/inference-worker is ready/);
  await node.awaitLine(/training-worker is restarting/);
  const { stderr } = await stage.run(["ps"]);
  assertMatch(stderr, /^What serves inference is ready$/m);
  assertMatch(
    stderr,
    /^What serves training is \w+(: The worker exited with code 3: no such model)?$/m,
  );
  const json = JSON.parse((await stage.run(["ps", "--json"])).stdout);
  assertEquals(json.executors.inference, { state: "ready" });
  await node.end("SIGKILL");
  const down = await stage.run(["ps", "--json"]);
  assertEquals(JSON.parse(down.stdout).executors, {});
});

Deno.test("ps has a column of GPUs where commands were given some", () => {
  const given = { ...RUNNING, handle: { ...RUNNING.handle!, gpus: ["GPU-5f1d8a42-2a3c", "1"] } };
  const lines = workloadTable([given, RUNNING], 120_000);
  assertMatch(lines[0]!, /^ID +KIND +REQUEST +STATE +PID +GPU +AGE +TIME +RESULT$/);
  assertMatch(lines[1]!, /^id1 +training +t1 +running +7 +GPU-5f1d8a42,1 +2m 00s +1m 00s +-$/);
  assertMatch(lines[2]!, /^id1 +training +t1 +running +7 +- +2m 00s/);
});

Deno.test("ps shows what commands have used, where that is known", () => {
  const gibibyte = 1024 ** 3;
  const lines = workloadTable([RUNNING, RUNNING, RUNNING], 120_000, [
    { resources: { cpuSeconds: 3725, peakMemoryBytes: 3.25 * gibibyte } },
    { resources: { cpuSeconds: 0.25 }, progress: { message: "loading" } },
  ]);
  assertEquals(lines.map((line) => line.slice(line.indexOf("1m 00s"))).slice(1), [
    "1m 00s  1h 02m  3.3 GiB  -",
    "1m 00s  0.3s    -        loading",
    "1m 00s  -       -        -",
  ]);
});

Deno.test("ps sees what ended while the node was down", async () => {
  await using stage = await Stage.set();
  const gate = await Gate.in(stage.world.folder);
  await stage.configure(`  inference: ${gate.template}; exit 3\n  training: ${gate.template}`);
  await using node = stage.start(["start"]);
  await using sender = await stage.senderFor(node);
  await sender.send({ command: "training", request_id: "t1" });
  const [, pid] = await node.awaitLine(/training t1 started as process (\d+)/);
  await node.awaitLine(/\] at the gate/);
  await sender.send({ command: "inference", request_id: "i1" });
  await node.awaitLine(/inference i1 started as process/);
  await node.awaitLine(/\] at the gate/);
  const [, { id }] = JSON.parse((await stage.run(["ps", "--json"])).stdout).workloads;
  await node.end("SIGKILL");
  Deno.kill(-Number(pid), "SIGKILL");
  await gate.open("luck");
  await exitWritten(`${stage.world.stateFolder}/workloads/${id}`);

  const { stdout } = await stage.run(["ps"]);
  const there = String.raw`\(the node was down\)`;
  assertMatch(
    stdout,
    new RegExp(`training +t1 +ended +- +[\\d.]+s +- +killed by SIGKILL ${there}`),
  );
  assertMatch(stdout, new RegExp(`inference +i1 +ended +- +[\\d.]+s +- +exit code 3 ${there}`));
  const { workloads } = JSON.parse((await stage.run(["ps", "--json"])).stdout);
  assertEquals(
    workloads.map(({ state, ended_at, cause, exit_code, signal }: Record<string, unknown>) => [
      state,
      ended_at,
      cause,
      exit_code,
      signal,
    ]),
    [["ended", null, "killed", null, "SIGKILL"], ["ended", null, "exited", 3, null]],
  );
});

/** Resolves when the supervisor of the workload in `folder` has written down its exit code. */
async function exitWritten(folder: string): Promise<void> {
  const watcher = Deno.watchFs(folder);
  const isWritten = () =>
    [...Deno.readDirSync(folder)].some(({ name }) =>
      name.startsWith("claim-") && /^exited \d+\n/m.test(Deno.readTextFileSync(`${folder}/${name}`))
    );
  if (isWritten()) return watcher.close();
  for await (const _ of watcher) if (isWritten()) return;
}

Deno.test("a command is shown as the next node will find it", () => {
  const process = { pid: 7, startTime: "1", bootId: "b" };
  const table: [Recovery, Partial<CommandRecord>][] = [
    [{ action: "attach", process }, {}],
    [{ action: "requeue" }, {}],
    [
      { action: "collect", exit: { type: "exited", code: 0 } },
      { state: "ended", end: { cause: "exited", exitCode: 0, bytes: 0 } },
    ],
    [
      { action: "collect", exit: { type: "exited", code: 137, oomKill: true } },
      { state: "ended", end: { cause: "exited", exitCode: 137, oomKill: true, bytes: 0 } },
    ],
    [
      { action: "collect", exit: { type: "lost", why: "rebooted" } },
      { state: "ended", end: { cause: "lost", bytes: 0 } },
    ],
  ];
  for (const [recovery, change] of table) {
    assertEquals(asRecovered(RUNNING, recovery), { ...RUNNING, ...change });
  }
  const stop = { cause: "cancelled", signal: "SIGTERM", at: 0 } as const;
  const exit = { type: "exited", code: 143 } as const;
  assertEquals(
    asRecovered({ ...RUNNING, stop }, { action: "collect", exit }).end,
    { cause: "cancelled", signal: "SIGTERM", exitCode: 143, bytes: 0 },
  );
});

Deno.test("ps finds the state folder that cyberwave.yml names", async () => {
  await using stage = await Stage.set("  state_folder: elsewhere");
  const env = { CYBERWAVE_EDGE_CONFIG_DIR: "" };
  const { stderr } = await stage.run(["ps"], { env });
  assertStringIncludes(stderr, `${stage.world.folder}/elsewhere`);
});

Deno.test("ps works with a cyberwave.yml that is broken", async () => {
  await using stage = await Stage.set("  : : :");
  const { code, stderr } = await stage.run(["ps"]);
  assertEquals(code, 0);
  assertStringIncludes(stderr, 'Cannot read "cyberwave.yml"');
});

Deno.test("a row is one line, however hostile its request id", () => {
  const record: CommandRecord = {
    ...RUNNING,
    requestId: "a\n\u001b[31m\u202e".padEnd(100, "x"),
    state: "ended",
    endedAt: 7_380_000,
    end: { cause: "killed", signal: "SIGKILL", bytes: 0 },
  };
  assertEquals(workloadTable([record], 90_000_000), [
    "ID   KIND      REQUEST                               STATE  PID  AGE     TIME    RESULT",
    "id1  training  a \\u001b[31m\\u202exxxxxxxxxxxxxxxxx…  ended  -    1d 01h  2h 02m  killed by SIGKILL",
  ]);
});

Deno.test("a request id without characters can be seen", () => {
  const [, row] = workloadTable([{ ...RUNNING, requestId: "" }], 90_000_000);
  assertStringIncludes(row!, ' "" ');
});

Deno.test("a result takes few words", () => {
  const table: [Parameters<typeof resultOf>[0], string][] = [
    [{ cause: "exited", exitCode: 0 }, "ok"],
    [{ cause: "exited", exitCode: 3 }, "exit code 3"],
    [{ cause: "exited", exitCode: 137 }, "exit code 137 (killed by SIGKILL, often out of memory)"],
    [
      { cause: "exited", exitCode: 137, oomKill: true },
      "exit code 137 (killed by SIGKILL; the kernel killed a process for lack of memory meanwhile)",
    ],
    [{ cause: "killed", signal: "SIGKILL" }, "killed by SIGKILL"],
    [{ cause: "cancelled", signal: "SIGTERM" }, "cancelled"],
    [{ cause: "timed_out", exitCode: 143 }, "timed out"],
    [{ cause: "lost" }, "lost"],
    [{ cause: "not_started" }, "not started"],
  ];
  for (const [end, text] of table) assertEquals(resultOf(end), text);
});

Deno.test("ps says that the kernel killed a process for lack of memory, and nothing where that is not known", async () => {
  await using stage = await Stage.set();
  using test = new TestJournal();
  for (const [id, known] of [["c1", { oomKill: true }], ["c2", {}]] as const) {
    test.journal.accept(newCommand(id));
    test.journal.start(id, processHandle({ pid: 7, startTime: "1", bootId: "b" }));
    test.journal.end(id, { cause: "exited", exitCode: 137, bytes: 0, ...known }, []);
  }
  const { stdout } = await stage.run(["ps", "--json", "--state-folder", test.folder]);
  assertEquals(
    JSON.parse(stdout).workloads.map((
      { id, exit_code, oom_kill }: Record<string, unknown>,
    ) => [id, exit_code, oom_kill]),
    [["c1", 137, true], ["c2", 137, null]],
  );
  const shown = (await stage.run(["ps", "--state-folder", test.folder])).stdout;
  assertMatch(shown, /c1 .* exit code 137 \(killed by SIGKILL; the kernel killed a process for/);
  assertMatch(shown, /c2 .* exit code 137 \(killed by SIGKILL, often out of memory\)/);
});

Deno.test("ps --watch shows the workloads again and again", async () => {
  await using stage = await Stage.set("  inference: echo\n");
  await using _node = await stage.startNode("--slug", "n");
  await using watching = stage.start(["ps", "-a", "--watch"]);
  await watching.awaitLine(/There are no workloads/);
  await stage.run(["run", "inference"]);
  await watching.awaitLine(/inference .* ended/);
});

Deno.test("where there is little room ids are as short as tells them apart", () => {
  const ids = ["01m8h0d203h6t0hx88rhk7f51z", "01m8h0d203h7t0hx88rhk7f51z"];
  const records = ids.map((id) => ({ ...RUNNING, id, requestId: "0ba62e90-4140-4caf" }));
  const short = withShortIds(records);
  assertEquals(short.map(({ id }) => id), ["01m8h0d203h6", "01m8h0d203h7"]);
  assertEquals(short.map(({ requestId }) => requestId), ["0ba62e90-…", "0ba62e90-…"]);
  assertEquals(withShortIds([{ ...RUNNING, requestId: "t1" }])[0]!.requestId, "t1");
});

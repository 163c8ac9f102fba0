import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { resultOf, workloadTable } from "../../src/cli/ps.ts";
import type { CommandRecord } from "../../src/journal/record.ts";
import { Gate, Stage } from "../support/stage.ts";

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
  const [, slug, uuid] = await node.awaitLine(/Cloud Node '(.*)' \((.*)\) is ready/);
  await using sender = await stage.world.sender({ slug: slug!, uuid: uuid! });
  await sender.ask({ command: "training", request_id: "t1" });
  await sender.send({ command: "inference", request_id: "i1" });
  await sender.send({ command: "inference", request_id: "i2\u001b[2J\nforged" });
  await node.awaitLine(/waits for its turn/);

  const columns = /^ID +KIND +REQUEST +STATE +PID +AGE +TIME +RESULT$/m;
  const rows = [
    /^\w+ +training +t1 +ended +- +[\d.]+s +[\d.]+s +exit code 3$/m,
    /^\w+ +inference +i1 +running +\d+ +[\d.]+s +[\d.]+s +-$/m,
    /^\w+ +inference +i2\\u001b\[2J forged +queued +- +[\d.]+s +- +-$/m,
  ];
  const up = await stage.run(["ps"]);
  for (const line of [columns, ...rows]) assertMatch(up.stdout, line);
  assertStringIncludes(up.stderr, `as process ${node.pid}`);

  await node.end("SIGKILL");
  const down = await stage.run(["ps", "--json"]);
  const { node_pid, workloads } = JSON.parse(down.stdout);
  assertEquals(node_pid, null);
  assertEquals(
    workloads.map((workload: Record<string, unknown>) => [workload.request_id, workload.state]),
    [["t1", "ended"], ["i1", "running"], ["i2\u001b[2J\nforged", "queued"]],
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
    id: "id1",
    kind: "training",
    requestId: "a\n\u001b[31m\u202e".padEnd(100, "x"),
    workloadUuid: undefined,
    slug: "s",
    instanceUuid: "u",
    replyTopic: "t",
    state: "ended",
    acceptedAt: 0,
    startedAt: 60_000,
    process: { pid: 7, startTime: "1", bootId: "b" },
    stop: undefined,
    endedAt: 7_380_000,
    end: { cause: "killed", signal: "SIGKILL", bytes: 0 },
  };
  assertEquals(workloadTable([record], 90_000_000), [
    "ID   KIND      REQUEST                               STATE  PID  AGE     TIME    RESULT",
    "id1  training  a \\u001b[31m\\u202exxxxxxxxxxxxxxxxx…  ended  -    1d 01h  2h 02m  killed by SIGKILL",
  ]);
});

Deno.test("a result takes few words", () => {
  const table: [Parameters<typeof resultOf>[0], string][] = [
    [{ cause: "exited", exitCode: 0 }, "ok"],
    [{ cause: "exited", exitCode: 3 }, "exit code 3"],
    [{ cause: "killed", signal: "SIGKILL" }, "killed by SIGKILL"],
    [{ cause: "cancelled", signal: "SIGTERM" }, "cancelled"],
    [{ cause: "timed_out", exitCode: 143 }, "timed out"],
    [{ cause: "lost" }, "lost"],
    [{ cause: "not_started" }, "not started"],
  ];
  for (const [end, text] of table) assertEquals(resultOf(end), text);
});

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { topScreen, type TopView } from "../../src/cli/subcommands/top_screen.ts";
import type { CommandRecord } from "../../src/journal/record.ts";
import { Gate, Stage } from "../support/stage.ts";
import { Terminal } from "../support/terminal.ts";

const GIB = 2 ** 30;
const NOW = Date.parse("2026-01-01T01:00:00Z");

function record(id: string, given: Partial<CommandRecord>): CommandRecord {
  return {
    ...{ id, kind: "training", requestId: `request-${id}`, workloadUuid: undefined },
    ...{ slug: "n", instanceUuid: "u", replyTopic: "t", state: "queued" },
    ...{ acceptedAt: NOW - 60_000, startedAt: undefined, handle: undefined, stop: undefined },
    ...{ endedAt: undefined, end: undefined },
    ...given,
  };
}

const RUNNING = record("a", { state: "running", startedAt: NOW - 30_000 });
const QUEUED = record("b", {});
const FAILED = record("c", {
  ...{ state: "ended", startedAt: NOW - 20_000, endedAt: NOW - 8_000 },
  end: { cause: "exited", exitCode: 3, bytes: 0 },
});

const VIEW: TopView = {
  status: {
    version: "1.2.3",
    slug: "my-node",
    started_at: "2026-01-01T00:00:00Z",
    broker: { url: "mqtt://b:1883", is_connected: true, since: "2026-01-01T00:58:00Z" },
    last_heartbeat: "2026-01-01T00:59:48Z",
    lanes: [
      { kind: "inference", running: 0, concurrency: 2, queued: 0, max_queued: 9, state: "ready" },
      {
        kind: "training",
        running: 1,
        concurrency: 1,
        queued: 1,
        max_queued: 9,
        state: "failed",
        reason: "no GPU",
      },
    ],
    workloads: [{
      id: "a",
      kind: "training",
      progress: { progress: 4, total: 10, message: "epoch 4" },
    }],
    undelivered: { count: 2, oldest_at: null },
  },
  records: [FAILED, RUNNING, QUEUED],
  load: { cpu: 0.5, memoryUsedBytes: 4 * GIB, memoryTotalBytes: 16 * GIB },
  gpus: [{
    ...{ index: 0, name: "H100", utilization: 0.75 },
    ...{ memoryUsedBytes: 40 * GIB, memoryTotalBytes: 80 * GIB },
  }],
  now: NOW,
};

const plain = (_: string, text: string) => text;

Deno.test("top: all of a node on one screen", () => {
  assertEquals(topScreen(VIEW, { columns: 80, rows: 24 }, plain), [
    "my-node  connected for 2m 00s mqtt://b:1883",
    "up 1h 00m  heartbeat 12s ago  2 undelivered  version 1.2.3",
    "CPU [||||||||        ] 50%  Mem [||||            ] 4.0/16.0 GiB",
    "GPU0 [||||||||||||    ] 75%  40.0/80.0 GiB  H100",
    "",
    "LANE        RUNNING  QUEUE   EXECUTOR",
    "inference   0/2      0       ready",
    "training    1/1      1       failed  no GPU",
    "",
    "RUNNING",
    "request-a                   training        30s  [####--------] 40% (4 of 10) ep",
    "",
    "QUEUE 1",
    "request-b                   training     1m 00s",
    "",
    "ENDED",
    "request-c                   training        12s  exit code 3",
  ]);
});

Deno.test("top: no line is wider and no screen higher than the terminal", () => {
  const many = (count: number, one: CommandRecord) =>
    Array.from({ length: count }, (_, index) => ({ ...one, id: `${index}` }));
  const records = [...many(50, FAILED), ...many(20, RUNNING), ...many(30, QUEUED)];
  for (const columns of [20, 46, 80, 200]) {
    for (const rows of [5, 12, 24, 60]) {
      const lines = topScreen({ ...VIEW, records }, { columns, rows }, plain);
      assert(lines.length <= rows, `${lines.length} lines in ${rows}`);
      for (const line of lines) assert([...line].length <= columns, line);
    }
  }
  const lines = topScreen({ ...VIEW, records }, { columns: 80, rows: 40 }, plain);
  // Of all three there is something, and it says how much of what runs is left out.
  for (const line of ["RUNNING", "QUEUE 1", "ENDED"]) assert(lines.includes(line), line);
  assertEquals(lines.filter((line) => /^and \d+ more$/.test(line)).length, 1);
  assertEquals(lines.length, 40);
});

Deno.test("top: what is not known is left out, and strangers cannot draw on the screen", () => {
  const unknown = { cpu: undefined, memoryUsedBytes: undefined, memoryTotalBytes: undefined };
  const records = [record("\x1b[2J\nx", { requestId: undefined })];
  const view = { ...VIEW, status: undefined, load: unknown, gpus: [], records };
  const lines = topScreen(view, { columns: 80, rows: 24 }, plain);
  assertEquals(lines[0], "No node runs, or it does not answer");
  assertEquals(lines.filter((line) => /CPU|Mem|GPU/.test(line)), []);
  // deno-lint-ignore no-control-regex
  assertEquals(lines.filter((line) => /[\x00-\x1f]/.test(line)), []);
});

Deno.test("top: colours are around words, not part of their width", () => {
  const colored = topScreen(
    VIEW,
    { columns: 30, rows: 9 },
    (color, text) => `<${color}>${text}</>`,
  );
  assertStringIncludes(colored[0]!, "<cyan>my-node</>  <green>connected for");
  const width = (line: string) => [...line.replaceAll(/<[^>]*>/g, "")].length;
  for (const line of colored) assert(width(line) <= 30, line);
});

Deno.test("top: where nobody looks at a terminal it is shown once", async () => {
  await using stage = await Stage.set();
  const gate = await Gate.in(stage.world.folder);
  await stage.configure(`  training: ${gate.template}\n`);
  await using node = await stage.startNode("--slug", "n");
  await using sender = stage.start(["run", "training", "--slug", "n"]);
  await node.awaitLine(/at the gate/);
  const { code, stdout, stderr } = await stage.run(["top"]);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^n {2}connected for /);
  assertMatch(stdout, /^training +1\/1 +0 +ready$/m);
  // deno-lint-ignore no-control-regex
  assertEquals(/\x1b/.test(stdout), false);
  await gate.open("a word");
  await sender.exited;
});

Deno.test("top: without a node it shows what is known, and exits with 1", async () => {
  await using stage = await Stage.set();
  const { code, stdout } = await stage.run(["top"]);
  assertEquals(code, 1);
  assertMatch(stdout, /^No node runs/);
});

// script(1) of Linux is the terminal.
Deno.test({
  name: "top: on a terminal it has a screen of its own, until q is pressed",
  ignore: Deno.build.os !== "linux",
  fn: quitsAtQ,
});

async function quitsAtQ(): Promise<void> {
  await using stage = await Stage.set();
  const { world: { folder: cwd }, env } = stage;
  for (const key of ["q", "\x03"]) {
    await using terminal = new Terminal(["top"], { cwd, env, columns: 30 });
    await terminal.shows("No node runs, or it does not a");
    await terminal.press(key);
    assertEquals(await terminal.exited(), 0);
    // As it was before.
    assertStringIncludes(terminal.output, "\x1b[?1049h");
    assert(terminal.output.endsWith("\x1b[?25h\x1b[?1049l"), JSON.stringify(terminal.output));
  }
}

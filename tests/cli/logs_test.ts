import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { commandOf, DENO_DIR } from "../support/command.ts";
import { nodeAtGate, Stage } from "../support/stage.ts";

/** A stage with a node, and what it takes to send that node commands. */
const setUp = (yaml: string) => nodeAtGate((gate) => yaml.replace("GATE", gate.template));

Deno.test("logs shows each stream of output where it belongs, byte for byte", async () => {
  await using world = await setUp(String.raw`  inference: printf 'out\377'; echo err >&2`);
  const { stage, sender } = world;
  await sender.ask({ command: "inference", request_id: "r1" });
  const both = await stage.run(["logs", "r1"]);
  assertEquals([both.code, both.stdout, both.stderr], [0, "out\ufffd", "err\n"]);
  const out = await stage.run(["logs", "r1", "--stdout"]);
  assertEquals([out.stdout, out.stderr], ["out\ufffd", ""]);
  const err = await stage.run(["logs", "r1", "--stderr"]);
  assertEquals([err.stdout, err.stderr], ["err\n", ""]);
});

Deno.test("logs shows both streams in the order in which they came", async () => {
  await using world = await setUp(
    "  inference: echo 1; read a <go1; echo 2 >&2; read a <go2; echo 3; read a <go3; echo 4 >&2",
  );
  const { stage, node, sender } = world;
  // One for each: a writer that closes late would be met by the next reader as well.
  const gates = [1, 2, 3].map((n) => `${stage.world.folder}/go${n}`);
  await new Deno.Command("mkfifo", { args: gates }).output();
  const reply = sender.ask({ command: "inference", request_id: "r1" });
  for (const [index, line] of [/\b1$/, /\b2$/, /\b3$/].entries()) {
    await node.awaitLine(line);
    await Deno.writeTextFile(gates[index]!, "go\n");
  }
  await reply;
  await node.awaitLine(/inference r1 succeeded/);
  // Both to one pipe, which alone shows an order.
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", '"$@" 2>&1', "sh", ...commandOf(["-P"]), "logs", "r1"],
    cwd: stage.world.folder,
    env: { ...stage.env, DENO_DIR },
  }).output();
  assertEquals(new TextDecoder().decode(stdout), "1\n2\n3\n4\n");
});

Deno.test("why a command failed that printed nothing is in the log, and what logs shows", async () => {
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => new Response("bad\nthing", { status: request.method === "POST" ? 500 : 200 }),
  );
  await using world = await setUp(`  inference: {url: "http://127.0.0.1:${server.addr.port}/"}`);
  const { stage, node, sender } = world;
  await sender.ask({ command: "inference", request_id: "r1" });
  await node.awaitLine(/inference r1 failed after \d\.\d s: The server answered 500: bad thing$/);
  const { stdout, stderr } = await stage.run(["logs", "r1"]);
  assertEquals([stdout, stderr], [
    "",
    "inference r1 failed: The server answered 500: bad\nthing\n",
  ]);
  assertMatch((await stage.run(["ps"])).stdout, /r1 .* failed$/m);
});

Deno.test("logs takes the newest of several workloads, and any by its id", async () => {
  await using world = await setUp("  dedupe_window: 0\n  inference: cat $CYBERWAVE_PARAMS_FILE");
  const { stage, sender } = world;
  await sender.ask({ command: "inference", request_id: "r", params: { take: 1 } });
  await sender.ask({ command: "inference", request_id: "r", params: { take: 2 } });
  assertStringIncludes((await stage.run(["logs", "r"])).stdout, '"take":2');
  const { workloads } = JSON.parse((await stage.run(["ps", "--json"])).stdout);
  assertStringIncludes((await stage.run(["logs", workloads[0].id])).stdout, '"take":1');
});

Deno.test("logs -f follows until the workload has ended", async () => {
  await using world = await setUp("  inference: GATE");
  const { stage, gate, node, sender } = world;
  await sender.send({ command: "inference", request_id: "r1" });
  await node.awaitLine(/started as process/);
  await using logs = stage.start(["logs", "-f", "r1"]);
  await logs.awaitLine(/^at the gate$/);
  await gate.open("patience");
  assertEquals(await logs.exited, 0);
  assertEquals(logs.output.stdout, "at the gate\nlet through with patience\n");
});

Deno.test("logs -f follows to the end while the node is down", async () => {
  await using world = await setUp("  inference: GATE");
  const { stage, gate, node, sender } = world;
  await sender.send({ command: "inference", request_id: "r1" });
  await node.awaitLine(/started as process/);
  await node.end("SIGKILL");
  await using logs = stage.start(["logs", "-f", "r1"]);
  await logs.awaitLine(/^at the gate$/);
  await gate.open("nobody");
  assertEquals(await logs.exited, 0);
  assertEquals(logs.output.stdout, "at the gate\nlet through with nobody\n");
});

Deno.test("logs -f waits for the turn of what is queued", async () => {
  await using world = await setUp("  inference: GATE");
  const { stage, gate, node, sender } = world;
  await sender.send({ command: "inference", request_id: "r1" });
  await sender.send({ command: "inference", request_id: "r2" });
  await node.awaitLine(/inference r2 waits/);
  await using logs = stage.start(["logs", "-f", "r2"]);
  await logs.awaitLine(/inference r2 is queued/);
  await gate.open("first");
  await logs.awaitLine(/^at the gate$/);
  await gate.open("second");
  assertEquals(await logs.exited, 0);
  assertEquals(logs.output.stdout, "at the gate\nlet through with second\n");
});

Deno.test("logs of a workload that nobody knows points to ps", async () => {
  await using stage = await Stage.set();
  const { code, stderr } = await stage.run(["logs", "../../etc/passwd"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, 'error: There is no workload "../../etc/passwd" in ');
  assertStringIncludes(stderr, 'hint: See "cyberwave-cloud-node ps --all"');
});

Deno.test("logs without an id shows the latest workload, and takes the beginning of an id", async () => {
  await using world = await setUp("  inference: cat $CYBERWAVE_PARAMS_FILE");
  const { stage, sender } = world;
  const none = await stage.run(["logs"]);
  assertEquals(none.code, 2);
  assertStringIncludes(none.stderr, "There is no workload in");
  await sender.ask({ command: "inference", request_id: "first-one", params: { take: 1 } });
  await sender.ask({ command: "inference", request_id: "second-one", params: { take: 2 } });
  assertStringIncludes((await stage.run(["logs"])).stdout, '"take":2');
  assertStringIncludes((await stage.run(["logs", "fir"])).stdout, '"take":1');
});

Deno.test("logs shows the last lines, those since a time, and when each was printed", async () => {
  await using world = await setUp('  inference: "seq 5; printf end"');
  const { stage, sender } = world;
  await sender.ask({ command: "inference", request_id: "r1" });
  assertEquals((await stage.run(["logs", "-n", "3"])).stdout, "4\n5\nend");
  assertEquals((await stage.run(["logs", "--tail", "0"])).stdout, "");
  assertEquals((await stage.run(["logs", "--since", "1h"])).stdout, "1\n2\n3\n4\n5\nend");
  assertEquals((await stage.run(["logs", "--since", "2999-01-01T00:00:00Z"])).stdout, "");
  const { stdout } = await stage.run(["logs", "-t", "-n", "2"]);
  const lines = stdout.split("\n");
  assertMatch(lines[0]!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z 5$/);
  assertMatch(lines[1]!, /^\S+Z end$/);
  for (const flag of [["--tail", "few"], ["--since", "yesterday"]]) {
    const { code, stderr } = await stage.run(["logs", ...flag]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, `${flag[0]} must be a`);
  }
});

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { EmbeddedBroker } from "../../src/dev/embedded_broker.ts";
import { Mosquitto, mosquittoAvailable } from "../support/mosquitto.ts";
import { Program } from "../support/program.ts";
import { IMAGES } from "../support/images.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { Gate, Stage } from "../support/stage.ts";

const YAML = `
  inference: cat "$CYBERWAVE_PARAMS_FILE"
  training: echo no disk >&2; exit 3
`;

Deno.test("run prints the output of a command and exits with 0", async () => {
  await using stage = await Stage.set(YAML);
  await using _node = await stage.startNode("--slug", "n");
  const { code, stdout, stderr } = await stage.run(["run", "inference", '{"x":1}', "--slug", "n"]);
  assertEquals([code, stdout, stderr], [0, '{"x":1}\n', ""]);
});

Deno.test("run prints the error of a command and exits with 10", async () => {
  await using stage = await Stage.set(YAML);
  await using _node = await stage.startNode("--slug", "n");
  const { code, stdout, stderr } = await stage.run(["run", "training", "--slug", "n"]);
  assertEquals([code, stdout, stderr], [10, "", "no disk\n"]);
});

Deno.test("run finds the node of this computer by itself, and any other by its UUID", async () => {
  await using stage = await Stage.set(YAML);
  await using node = stage.start(["start"]);
  const [, uuid] = await node.awaitLine(/\(([^)]+)\) is ready/);
  const own = await stage.run(["run", "status"]);
  assertEquals(JSON.parse(own.stdout).instance_uuid, uuid);
  const env = { CYBERWAVE_EDGE_CONFIG_DIR: `${stage.world.folder}/elsewhere` };
  const other = await stage.run(["run", "status", "--uuid", uuid!], { env });
  assertEquals(JSON.parse(other.stdout).instance_uuid, uuid);
});

Deno.test("run --json prints the whole reply, be it good or bad", async () => {
  await using stage = await Stage.set(YAML);
  await using _node = await stage.startNode("--slug", "n");
  const good = await stage.run(["run", "inference", "--slug", "n", "--json"]);
  assertEquals([good.code, JSON.parse(good.stdout).output], [0, "{}"]);
  const bad = await stage.run(["run", "training", "--slug", "n", "--json"]);
  assertEquals([bad.code, JSON.parse(bad.stdout).error], [10, "no disk\n"]);
});

Deno.test("run reads params from standard input or a file, and changes no digit of them", async () => {
  await using stage = await Stage.set(YAML);
  await using _node = await stage.startNode("--slug", "n");
  const params = '{"seed":12345678901234567890}';
  await Deno.writeTextFile(`${stage.world.folder}/params.json`, params);
  for (const given of ["-", "@params.json"]) {
    const args = ["run", "inference", given, "--slug", "n"];
    assertEquals((await stage.run(args, { stdin: params })).stdout, `${params}\n`);
  }
});

Deno.test("run gives up when no reply comes in time", async () => {
  await using stage = await Stage.set(YAML);
  const args = ["run", "status", "--slug", "nobody", "--timeout", "0.2"];
  const { code, stderr } = await stage.run(args);
  assertEquals(code, 1);
  assertMatch(stderr, /^error: No reply to "status" within 0.2 s\nhint: Check that the node runs/);
});

Deno.test("run says so when there is no broker", async () => {
  await using broker = await EmbeddedBroker.start();
  const { port } = broker;
  await broker[Symbol.asyncDispose]();
  const args = [
    "run",
    "status",
    "--uuid",
    "u",
    "--mqtt-host",
    "127.0.0.1",
    "--mqtt-port",
    `${port}`,
  ];
  const { code, stderr } = await Program.run(args);
  assertEquals(code, 1);
  assertStringIncludes(
    stderr,
    `error: Cannot connect to the broker at 127.0.0.1:${port}: connection refused\nhint: Check`,
  );
});

Deno.test({
  name: "run suggests the UUID when the broker lets nobody read the replies of every node",
  ignore: !mosquittoAvailable(),
  async fn() {
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/acl`, "pattern write cyberwave/cloud-node/n/command\n");
    await using broker = await Mosquitto.start({ config: [`acl_file ${folder}/acl`] });
    const flags = ["--mqtt-host", broker.host, "--mqtt-port", `${broker.port}`, "--timeout", "0.5"];
    const { code, stderr } = await Program.run(["run", "status", "--slug", "n", ...flags]);
    assertEquals(code, 1);
    assertStringIncludes(stderr, "--uuid");
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("run refuses what it cannot send", async () => {
  const table: [string[], string][] = [
    [["run"], '"run" needs <command>'],
    [["run", "inference", "{x: 1}"], 'Params must be JSON, got "{x: 1}"'],
    [["run", "inference", "[1]"], "Params must be a JSON object, got an array"],
    [["run", "inference", "@missing"], 'Cannot read params from "@missing": there is no such file'],
    [["run", "inference", "{}", "more"], '"run" takes no argument "more"'],
    [["run", "status", "--uuid", "a/b"], "--uuid must not hold"],
    [["run", "status", "--uuid", "u", "--slug", "s"], "Give --slug, --uuid or --pool: one of them"],
    [["run", "infer"], 'There is no command "infer", did you mean inference?'],
    [["run", "inference", "-i", "x"], 'An input must be NAME=VALUE, got "x"'],
    [
      ["run", "inference", "-i", "x=@missing"],
      'Cannot read the input "x" from "@missing": there is',
    ],
    [["run", "inference", "-", "-i", "x=@-"], "Standard input can be read only once"],
    [["run", "inference", "-o", "/nonexistent/x"], 'Cannot write "/nonexistent/x": there is no'],
    [["run", "inference", "--detach", "--json"], "--detach does not wait for a reply"],
    [["run", "inference", "--follow", "--json"], "Give --follow or --json, not both"],
    [["run", "status", "--timeout", "soon"], "--timeout must be a positive number of seconds"],
    [["run", "status"], "No node was ever registered with the state folder"],
  ];
  const env = { CYBERWAVE_EDGE_CONFIG_DIR: "/nonexistent" };
  await Promise.all(table.map(async ([args, message]) => {
    const { code, stderr } = await Program.run(args, { env });
    assertEquals(code, 2);
    assertStringIncludes(stderr, `error: ${message}`);
  }));
});

Deno.test("run takes inputs by their names: JSON as it is, text, files, an image", async () => {
  await using stage = await Stage.set(`
  inference: cat "$CYBERWAVE_PARAMS_FILE"
  training: head -c 8 "$(sed 's/.*"image":"//; s/".*//' "$CYBERWAVE_PARAMS_FILE")" | tail -c 7 | head -c 3
`);
  await using _node = await stage.startNode("--slug", "n");
  const folder = stage.world.folder;
  await Deno.writeTextFile(`${folder}/a.csv`, "1,2\n");
  await Deno.writeFile(`${folder}/cat.png`, IMAGES.png);
  const inputs = ["x=1", "s=one two", "t=a", "t=b", 'q="1"', "f=@a.csv", "p=@-"];
  const args = ["run", "inference", '{"y":2}', ...inputs.flatMap((input) => ["-i", input])];
  const { stdout } = await stage.run(args, { stdin: "a cat\n" });
  assertEquals(JSON.parse(stdout), {
    ...{ y: 2, x: 1, s: "one two", t: ["a", "b"], q: "1" },
    ...{ f: "data:text/csv;base64,MSwyCg==", p: "a cat" },
  });
  const image = await stage.run(["run", "training", "-i", "image=@cat.png"]);
  assertEquals([image.code, image.stdout], [0, "PNG\n"]);
});

Deno.test("run --detach prints the request id and leaves the command to the node", async () => {
  await using stage = await Stage.set(YAML);
  await using node = await stage.startNode("--slug", "n");
  const { code, stdout, stderr } = await stage.run(["run", "inference", "-d"]);
  assertEquals([code, stderr], [0, ""]);
  await node.awaitLine(new RegExp(`inference ${stdout.trim()} succeeded`));
});

Deno.test("run --output writes the output to a file, and nothing when the command fails", async () => {
  await using stage = await Stage.set(YAML);
  await using _node = await stage.startNode("--slug", "n");
  const path = `${stage.world.folder}/out.json`;
  const { code, stdout } = await stage.run(["run", "inference", '{"x":1}', "-o", path]);
  assertEquals([code, stdout, await Deno.readTextFile(path)], [0, "", '{"x":1}']);
  const failed = await stage.run(["run", "training", "-o", path]);
  assertEquals([failed.code, failed.stderr], [10, "no disk\n"]);
  assertEquals(await Deno.readTextFile(path), '{"x":1}');
});

Deno.test("run --follow shows what a command of this computer prints, while it prints it", async () => {
  await using stage = await Stage.set();
  const gate = await Gate.in(stage.world.folder);
  await stage.configure(`  training: "${gate.template}; echo no disk >&2; exit 3"\n`);
  await using _node = await stage.startNode("--slug", "n");
  await using program = stage.start(["run", "training", "--follow"]);
  await program.awaitLine(/^at the gate$/);
  await gate.open("a word");
  assertEquals(await program.exited, 10);
  const { stdout, stderr } = program.output;
  assertEquals([stdout, stderr], ["at the gate\nlet through with a word\n", "no disk\n"]);
});

for (const flags of [[], ["-f"]]) {
  Deno.test(`run ${flags} prints the progress that the node publishes`, async () => {
    await using stage = await Stage.set();
    const { host, port } = stage.world.broker;
    await using node = await TestClient.connect(`mqtt://${host}:${port}`);
    const commands = await node.collect("cyberwave/cloud-node/u/command");
    await using program = stage.start(["run", "training", "--uuid", "u", ...flags]);
    const { text } = await commands.next(() => true);
    const { request_id } = JSON.parse(text);
    const progress = { request_id, progress: 3, total: 10, message: "epoch 3" };
    await node.publish("cyberwave/cloud-node/u/progress", progress);
    await program.awaitLine(/^30% \(3 of 10\) epoch 3$/);
    const reply = { request_id, status: "ok", output: "done" };
    await node.publish("cyberwave/cloud-node/u/response", reply);
    assertEquals([await program.exited, program.output.stdout], [0, "done\n"]);
  });
}

Deno.test("Ctrl-C ends the waiting, not the command, and the line it prints ends the command", async () => {
  await using stage = await Stage.set();
  const gate = await Gate.in(stage.world.folder);
  await stage.configure(`  training: ${gate.template}\n`);
  await using node = await stage.startNode("--slug", "n");
  await using program = stage.start(["run", "training", "-i", "x=1"]);
  await node.awaitLine(/at the gate/);
  program.signal("SIGINT");
  assertEquals(await program.exited, 130);
  const [, line] = /the command goes on\. Stop it with\n\s+(.*)/.exec(program.output.stderr)!;
  const { JSR_URL = "", DENO_DIR = "" } = Deno.env.toObject();
  const { success } = await new Deno.Command("sh", {
    args: ["-c", line!],
    env: { ...stage.env, JSR_URL, DENO_DIR },
    stdout: "null",
    stderr: "null",
  }).output();
  assertEquals(success, true);
  await node.awaitLine(/training .* cancelled/);
});

Deno.test("run says on standard error that an output is cut", async () => {
  await using stage = await Stage.set('  max_output: 100\n  inference: "seq 1000"\n');
  await using _node = await stage.startNode("--slug", "n");
  const { code, stdout, stderr } = await stage.run(["run", "inference"]);
  assertEquals(code, 0);
  assertStringIncludes(stdout, "bytes cut out ...]");
  assertMatch(stderr, /^The output is cut: its middle is missing \(max_output\)/);
});

Deno.test("run does not send anybody to look for an output that is nowhere", async () => {
  await using stage = await Stage.set(
    '  inference: echo x; rm -r "$(dirname "$CYBERWAVE_PARAMS_FILE")"\n',
  );
  await using _node = await stage.startNode("--slug", "n");
  const { code, stdout, stderr } = await stage.run(["run", "inference"]);
  assertEquals([code, stdout, stderr], [0, "[the output was removed]\n", ""]);
});

Deno.test("retry sends the same params again, an image too, under a new request id", async () => {
  await using stage = await Stage.set('  inference: cat "$CYBERWAVE_PARAMS_FILE"; exit 3\n');
  await using _node = await stage.startNode("--slug", "n");
  await Deno.writeFile(`${stage.world.folder}/cat.png`, IMAGES.png);
  await stage.run(["run", "inference", '{"seed":12345678901234567890}', "-i", "image=@cat.png"]);
  const { code } = await stage.run(["retry"]);
  assertEquals(code, 10);
  const { workloads } = JSON.parse((await stage.run(["ps", "--json"])).stdout);
  assertEquals(workloads.length, 2);
  const [first, second] = await Promise.all(workloads.map(async ({ id }: { id: string }) => {
    const { stdout } = await stage.run(["logs", id]);
    return stdout.replaceAll(id, "ID");
  }));
  assertStringIncludes(first, "12345678901234567890");
  assertEquals(first, second);
  assertEquals(workloads[0].request_id === workloads[1].request_id, false);
});

Deno.test("retry leaves the platform's workloads to the platform", async () => {
  await using stage = await Stage.set(YAML);
  await using _node = await stage.startNode("--slug", "n");
  await stage.run(["run", "inference", "-i", "workload_uuid=w1"]);
  const { code, stderr } = await stage.run(["retry"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "is a workload of the platform, which alone can start it again");
});

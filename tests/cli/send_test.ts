import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { EmbeddedBroker } from "../../src/dev/embedded_broker.ts";
import { Mosquitto, mosquittoAvailable } from "../support/mosquitto.ts";
import { Program } from "../support/program.ts";
import { Stage } from "../support/stage.ts";

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
    [["run", "status", "--uuid", "u", "--slug", "s"], "Give --slug or --uuid, not both"],
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

/** The samples of .github/docs/sending-commands.md, run as a reader would. */
import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import type { EmbeddedBroker } from "../../src/dev/embedded_broker.ts";
import { pythonPackagesAvailable, pythonProgram } from "../support/python_packages.ts";
import { type LocalNode, World } from "../support/world.ts";

const ROOT = new URL("../../", import.meta.url);
const PAGE = await Deno.readTextFile(new URL(".github/docs/sending-commands.md", ROOT));
const INFERENCE = 'cat "$CYBERWAVE_PARAMS_FILE"';

/** The samples of the page in a language, in their order. */
function samples(language: string): string[] {
  return Array.from(PAGE.matchAll(/^```(\w+)(?: ignore)?\n([^]*?)^```$/gm))
    .filter(([, name]) => name === language)
    .map(([, , text]) => text!);
}

/** The first sample that begins so. */
function shellSample(start: string): string {
  return samples("sh").find((text) => text.startsWith(start))!;
}

/** What a sample finds in its environment. */
function access(world: World<EmbeddedBroker>, node: LocalNode) {
  return {
    MQTT_HOST: world.broker.host,
    MQTT_PORT: `${world.broker.port}`,
    MQTT_PASSWORD: "none",
    NODE_UUID: node.identity.uuid,
  };
}

async function run(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(program, { args: [...args], env })
    .output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

function mosquittoClientsAvailable(): boolean {
  try {
    new Deno.Command("mosquitto_rr", { args: ["--help"], stdout: "null", stderr: "null" })
      .outputSync();
    return true;
  } catch {
    console.warn("mosquitto-clients is not installed: the tests that need it are skipped");
    return false;
  }
}

const MOSQUITTO = mosquittoClientsAvailable();

Deno.test("the sample in TypeScript prints the output", async () => {
  await using world = await World.start();
  await using node = await world.runNode({ inference: INFERENCE });
  const file = `${world.folder}/sender.ts`;
  const [sample] = samples("ts");
  const module = new URL("mod.ts", ROOT).href;
  await Deno.writeTextFile(file, sample!.replace('"@cyberwave/cloud-node"', `"${module}"`));
  const config = fileURLToPath(new URL("deno.json", ROOT));
  const args = ["run", "-q", "-A", "--config", config, file];
  const { code, stdout, stderr } = await run(Deno.execPath(), args, access(world, node));
  assertEquals([code, stdout], [0, '{"x":1}\n'], stderr);
});

Deno.test({
  name: "the sample in Python prints the output",
  ignore: !pythonPackagesAvailable(),
  async fn() {
    await using world = await World.start();
    await using node = await world.runNode({ inference: INFERENCE });
    const [sample] = samples("python");
    const args = ["-c", sample!];
    const { code, stdout, stderr } = await run(pythonProgram("python"), args, access(world, node));
    assertEquals([code, stdout], [0, '{"x": 1}\n'], stderr);
  },
});

for (const version of ["5", "311"]) {
  Deno.test({
    name: `the sample for mosquitto_rr prints the reply over MQTT ${version}`,
    ignore: !MOSQUITTO,
    async fn() {
      await using world = await World.start();
      await using node = await world.runNode({ inference: INFERENCE });
      const sample = shellSample("mosquitto_rr");
      const [, other = ""] = /`-V 311 (-e "[^"]+")`/.exec(PAGE) ?? [];
      const text = version === "5"
        ? sample
        : sample.replace("-V 5", "-V 311").replace(/-e "[^"]+"/, other);
      const { code, stdout, stderr } = await run("sh", ["-c", text], access(world, node));
      assertEquals(code, 0, stderr);
      assertEquals(JSON.parse(stdout).output, '{"x": 1}');
    },
  });
}

Deno.test({
  name: "the samples for mosquitto_sub and mosquitto_pub send and see the reply",
  ignore: !MOSQUITTO,
  async fn() {
    await using world = await World.start();
    await using node = await world.runNode({ inference: INFERENCE });
    const env = access(world, node);
    // It ends after one reply, and says when it has subscribed, at once in spite of the pipe.
    const listening = shellSample("mosquitto_sub").replace(
      "mosquitto_sub",
      "exec stdbuf -oL mosquitto_sub -d -C 1 -W 15",
    );
    const child = new Deno.Command("sh", { args: ["-c", listening], env, stdout: "piped" }).spawn();
    let seen = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      const isFirst = !/^Subscribed/m.test(seen);
      seen += text;
      if (!isFirst || !/^Subscribed/m.test(seen)) continue;
      assertEquals((await run("sh", ["-c", shellSample("mosquitto_pub")], env)).code, 0);
    }
    assertEquals((await child.status).code, 0);
    const reply = JSON.parse(/^\{.*\}$/m.exec(seen)![0]);
    assertEquals([reply.request_id, reply.output], ["sub-1", '{"x": 1}']);
  },
});

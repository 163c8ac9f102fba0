import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { linesOf } from "../support/lines.ts";
import { Registry } from "../support/registry.ts";
import { World } from "../support/world.ts";

const README = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
const [QUICKSTART] = /^## Quickstart$[^]*?(?=^## )/m.exec(README)!;

/** Its commands, step by step, as they are pasted. */
const STEPS = Array.from(
  QUICKSTART.matchAll(/^ {3}```sh\n([^]*?)^ {3}```$/gm),
  ([, text]) => text!.replaceAll(/^ {3}/gm, ""),
);

// Windows has its own kind of PATH, and no SIGINT for others.
Deno.test({
  name: "the README's quickstart works from top to bottom, in an empty home folder",
  ignore: Deno.build.os === "windows",
  fn: quickstart,
});

async function quickstart(): Promise<void> {
  await using world = await World.start();
  await using registry = await Registry.start();
  await registry.publish();
  const home = await Deno.makeTempDir({ dir: registry.folder });
  await Deno.mkdir(`${home}/project`);
  const { token, apiUrl, mqttHost, mqttPort } = world.config();
  const account = {
    CYBERWAVE_API_URL: apiUrl!,
    CYBERWAVE_MQTT_HOST: mqttHost!,
    CYBERWAVE_MQTT_PORT: String(mqttPort),
  };
  const env: Record<string, string> = {
    ...await registry.env(),
    HOME: home,
    LANG: "C.UTF-8",
    PATH: `${home}/.deno/bin:${Deno.env.get("PATH")}`,
  };
  const [install, init, doctor, start, run] = STEPS;
  assertEquals(STEPS.length, 5);
  const options = (more: Record<string, string>) => ({
    args: ["-c", ""],
    clearEnv: true,
    env: { ...env, ...more },
    cwd: `${home}/project`,
    stdin: "null",
  } as const);
  const sh = async (script: string, more: Record<string, string> = {}) => {
    const { code, stdout, stderr } = await new Deno.Command("bash", {
      ...options(more),
      args: ["-ec", script],
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    assertEquals(code, 0, `${script}\n${text(stdout)}\n${text(stderr)}`);
    return text(stdout);
  };

  await sh(install!);
  assertMatch(await sh(init!), /4 of 4 passed/);
  const [, yaml] = /```yaml\n([^]*?)```/.exec(QUICKSTART)!;
  const written = await Deno.readTextFile(`${home}/project/cyberwave.yml`);
  for (const line of yaml!.trim().split("\n")) {
    assertMatch(written, new RegExp(`^ *${RegExp.escape(line.trim())}$`, "m"));
  }
  assertStringIncludes(doctor!, "export CYBERWAVE_API_TOKEN=...\n");
  const checked = await sh(doctor!.replace("=...", `=${token}`), account);
  assert(!checked.includes("fail "), checked);

  await using node = new Deno.Command("bash", {
    ...options({ ...account, CYBERWAVE_API_TOKEN: token! }),
    args: ["-c", `exec ${start}`],
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const lines = linesOf(node.stderr)[Symbol.asyncIterator]();
  for (let line = ""; !line.includes("ready: inference, training");) {
    const { value, done } = await lines.next();
    assert(!done, "the node ended before it was ready");
    line = value;
  }
  const output = await sh(run!, { ...account, CYBERWAVE_API_TOKEN: token! });
  assertEquals(JSON.parse(output), { sum: 4, params: { x: 4 } });
  node.kill("SIGINT");
  while (!(await lines.next()).done);
  assertEquals((await node.status).code, 0);
}

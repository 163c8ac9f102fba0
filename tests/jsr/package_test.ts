import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import manifest from "../../deno.json" with { type: "json" };
import { linesOf } from "../support/lines.ts";
import { Registry, run } from "../support/registry.ts";
import { World } from "../support/world.ts";

const PACKAGE = `jsr:${manifest.name}@${manifest.version}`;

Deno.test("the package runs and is imported from a registry as it was published there", async () => {
  await using registry = await Registry.start();
  await registry.publish();
  const env = await registry.env();
  const cwd = await Deno.makeTempDir({ dir: registry.folder });

  const files = registry.files(manifest.name);
  for (const name of ["/LICENSE", "/README.md", "/deno.json", "/main.ts", "/mod.ts"]) {
    assertStringIncludes(files.join("\n"), name);
  }
  const others = files.filter((name) => !/^\/(src\/.*\.ts|[^/]+)$/.test(name));
  assertEquals(others, ["/src/http/openapi.json", "/src/http/page.json"]);

  const printed = await run(["run", "-A", PACKAGE, "permissions", "dev"], env, cwd);
  assertEquals(printed.code, 0, printed.stderr);
  const flags = printed.stdout.trim().split(" ").map((word) => word.replace(/^'(.*)'$/, "$1"));
  const demo = await run(["run", "--no-prompt", ...flags, PACKAGE, "dev", "--once"], env, cwd);
  assertEquals(demo.code, 0, demo.stderr);
  assertMatch(demo.stdout, /4 of 4 passed/);

  const version = await run(["run", "-A", `${PACKAGE}/cli`, "--version"], env, cwd);
  assertStringIncludes(version.stdout, `cyberwave-cloud-node ${manifest.version}\n`);

  await Deno.writeTextFile(
    `${cwd}/library.ts`,
    `import { CloudNode, ConfigError } from "${PACKAGE}";
await using node = new CloudNode({ config: { inference: "echo {body}" }, slug: "mine" });
try {
  new CloudNode({ config: { mqttPort: 70_000 } });
} catch (error) {
  console.log(node.identity, error instanceof ConfigError);
}`,
  );
  assertEquals((await run(["check", "library.ts"], env, cwd)).code, 0);
  assertEquals((await run(["run", "-A", "library.ts"], env, cwd)).stdout, "undefined true\n");
});

Deno.test("start says that the registry it came from has a newer version, and has its page", async () => {
  await using world = await World.start();
  await using registry = await Registry.start();
  await registry.publish();
  registry.newest = "99.0.0";
  const { token, apiUrl, mqttHost, mqttPort, stateFolder } = world.config();
  await using node = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", PACKAGE, "start", "--state-folder", stateFolder!],
      ...["--http", "127.0.0.1:0"],
    ],
    env: {
      ...await registry.env(),
      CI: "",
      CYBERWAVE_NO_UPDATE_CHECK: "",
      CYBERWAVE_API_TOKEN: token!,
      CYBERWAVE_API_URL: apiUrl!,
      CYBERWAVE_MQTT_HOST: mqttHost!,
      CYBERWAVE_MQTT_PORT: String(mqttPort),
    },
    cwd: world.folder,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const lines: string[] = [];
  let page: string | undefined;
  for await (const line of linesOf(node.stderr)) {
    lines.push(line);
    if (!line.includes("Version 99.0.0 is out")) continue;
    page = await readPage(stateFolder!);
    node.kill("SIGTERM");
  }
  assertStringIncludes(page ?? "", "page/app.js");
  const own = manifest.version;
  assertStringIncludes(
    lines.join("\n"),
    `Version 99.0.0 is out, this is ${own}: get it as jsr:${manifest.name}@99.0.0`,
  );
  assertEquals((await node.status).code, 0);
});

/** The page of a node, as whoever has its token gets it. */
async function readPage(stateFolder: string): Promise<string> {
  const read = (name: string) => Deno.readTextFile(`${stateFolder}/${name}`);
  const authorization = `Bearer ${(await read("http_token")).trim()}`;
  const { url } = JSON.parse(await read("http.json"));
  return await (await fetch(url, { headers: { authorization } })).text();
}

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import manifest from "../../deno.json" with { type: "json" };
import { Registry, run } from "../support/registry.ts";

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
  assertEquals(files.filter((name) => !/^\/(src\/.*\.ts|[^/]+)$/.test(name)), []);

  const printed = await run(["run", "-A", PACKAGE, "permissions", "dev"], env, cwd);
  assertEquals(printed.code, 0, printed.stderr);
  const flags = printed.stdout.trim().split(" ").map((word) => word.replace(/^'(.*)'$/, "$1"));
  const demo = await run(["run", "--no-prompt", ...flags, PACKAGE, "dev", "--once"], env, cwd);
  assertEquals(demo.code, 0, demo.stderr);
  assertMatch(demo.stdout, /4 of 4 went as expected/);

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

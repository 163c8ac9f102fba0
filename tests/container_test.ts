import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { parse } from "@std/yaml";
import { dirname, join } from "node:path";
import manifest from "../deno.json" with { type: "json" };
import { available } from "./support/available.ts";
import { V8_FLAGS } from "../src/cli/invocation.ts";

const FOLDER = new URL("../.github/container/", import.meta.url);
const DOCKERFILE = await Deno.readTextFile(new URL("Dockerfile", FOLDER));
const COMPOSE = ["compose.yml", "compose.gpu.yml"];

async function run([program = "", ...args]: readonly string[], env?: Record<string, string>) {
  const { code, stdout, stderr } = await new Deno.Command(program, { args, env, cwd: FOLDER })
    .output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

const python = Deno.env.get("CLOUD_NODE_PYTHON");
const hadolint = await available(
  ["hadolint"],
  ...(python === undefined ? [] : [[join(dirname(python), "hadolint")]]),
);
const compose = await available(["docker-compose"], ["docker", "compose"]);

Deno.test({
  name: "hadolint finds nothing wrong with the Dockerfile" +
    (hadolint === undefined ? " (skipped: there is no hadolint)" : ""),
  ignore: hadolint === undefined,
  async fn() {
    const { code, stdout, stderr } = await run([...hadolint!, "Dockerfile"]);
    assertEquals([code, stdout, stderr], [0, "", ""]);
  },
});

Deno.test({
  name: "docker compose takes its files, together as well, and asks for the token" +
    (compose === undefined ? " (skipped: there is no docker compose)" : ""),
  ignore: compose === undefined,
  async fn() {
    const files = COMPOSE.flatMap((file) => ["-f", file]);
    const valid = await run([...compose!, ...files, "config"], { CYBERWAVE_API_TOKEN: "t" });
    assertEquals(valid.code, 0, valid.stderr);
    assertMatch(valid.stdout, /capabilities:\s+- gpu/);
    const missing = await run([...compose!, "-f", "compose.yml", "config"]);
    assert(missing.code !== 0);
    assertStringIncludes(missing.stderr, "CYBERWAVE_API_TOKEN");
  },
});

Deno.test("the image runs this version, as a user of its own, and has its state on a volume", () => {
  assertStringIncludes(DOCKERFILE, `ARG VERSION=${manifest.version}\n`);
  assertStringIncludes(DOCKERFILE, ` ${V8_FLAGS} `);
  assertMatch(DOCKERFILE, /^USER 10001$/m);
  const [, state] = /^VOLUME \["(.+)"\]$/m.exec(DOCKERFILE)!;
  assertStringIncludes(DOCKERFILE, `CYBERWAVE_EDGE_CONFIG_DIR=${state} `);
  const { services, volumes } = parse(Deno.readTextFileSync(new URL("compose.yml", FOLDER))) as {
    services: { node: { volumes: string[] } };
    volumes: Record<string, unknown>;
  };
  const [name] = Object.keys(volumes);
  assert(services.node.volumes.includes(`${name}:${state}`));
});

Deno.test("images are named by version, never by what is the latest one", () => {
  const gpu = Deno.readTextFileSync(new URL("compose.gpu.yml", FOLDER));
  const images = [
    ...Array.from(DOCKERFILE.matchAll(/^FROM ([^\s$]+)/gm), ([, image]) => image!),
    ...Array.from(`${DOCKERFILE}\n${gpu}`.matchAll(/BASE[=:] *([^\s$]+)/g), ([, image]) => image!),
  ];
  assertEquals(images.length, 4);
  for (const image of images) assertMatch(image, /^[\w/-]+:(?!latest)[\w.-]*\w+$/);
});

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { Stage } from "../support/stage.ts";

const YAML = "cyberwave-cloud-node:\n  inference: cat here; echo {body}\n";

/** A server that has one file, and the reference to that. */
function serving(text: string, status = 200) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    return new Response(text, { status });
  });
  const url = `http://127.0.0.1:${server.addr.port}/nodes/gpu.yml`;
  const checksum = createHash("sha256").update(YAML).digest("hex");
  return {
    url,
    reference: `${url}?key=secret#sha256=${checksum}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("start --config URL#sha256=... runs what the file says, in the current folder", async () => {
  await using stage = await Stage.set();
  await Deno.remove(`${stage.world.folder}/cyberwave.yml`);
  await Deno.writeTextFile(`${stage.world.folder}/here`, "here\n");
  await Deno.writeTextFile(`${stage.world.folder}/.env`, "CYBERWAVE_PROFILE_SLUG=from-dotenv\n");
  await using file = serving(YAML);
  await using node = await stage.startNode("--config", file.reference, "--slug", "fetched", "-v");
  const { stdout } = await stage.run(["run", "inference", '{"x":1}', "--slug", "fetched"]);
  assertEquals(stdout, 'here\n{"x":1}\n');
  assertEquals(await node.end("SIGTERM"), 0);
  const { stderr } = node.output;
  assertStringIncludes(stderr, `inference from ${file.url}\n`);
  assertStringIncludes(stderr, "profile_slug = from-dotenv");
  assertEquals(stderr.includes("secret"), false);
});

Deno.test("a config file with another checksum, or none, is not used", async () => {
  await using stage = await Stage.set();
  await using changed = serving(`${YAML}# changed\n`);
  const other = await stage.run(["validate", "--config", changed.reference]);
  assertEquals(other.code, 2);
  assertMatch(other.stderr, /has the SHA-256 checksum [0-9a-f]{64}, not [0-9a-f]{64}/);
  const none = await stage.run(["validate", "--config", changed.url]);
  assertEquals(none.code, 2);
  assertStringIncludes(none.stderr, "needs its checksum\nhint: Put it behind the URL: #sha256=");
});

Deno.test("a config file that cannot be fetched now ends the start with 1, to be tried again", async () => {
  await using stage = await Stage.set();
  await using broken = serving(YAML, 503);
  const { code, stderr } = await stage.run(["start", "--config", broken.reference]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "Cannot fetch");
  assertStringIncludes(stderr, "the server answered with 503");
  const service = await stage.run(["service", "install", "--config", broken.reference]);
  assertEquals(service.code, 2);
  assertStringIncludes(service.stderr, '"service" needs a config file on this computer');
});

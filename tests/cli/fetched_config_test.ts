import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { Stage } from "../support/stage.ts";

const YAML = "cyberwave-cloud-node:\n  inference: cat here; echo {body}\n";

/** A server that has one file, which may change, and the reference to that. */
function serving(yaml: string = YAML) {
  const answer = { text: yaml, status: 200 };
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response(answer.text, { status: answer.status }),
  );
  const url = `http://127.0.0.1:${server.addr.port}/nodes/gpu.yml`;
  const checksum = createHash("sha256").update(yaml).digest("hex");
  let end = () => server.shutdown();
  return {
    url,
    reference: `${url}?key=secret#sha256=${checksum}`,
    answer,
    async stop() {
      await server.shutdown();
      end = () => Promise.resolve();
    },
    [Symbol.asyncDispose]: () => end(),
  };
}

/** A stage whose only config file is that of a server. */
async function stageWithoutFile() {
  const stage = await Stage.set();
  await Deno.remove(`${stage.world.folder}/cyberwave.yml`);
  await Deno.writeTextFile(`${stage.world.folder}/here`, "here\n");
  return stage;
}

/** A node that was ready once with the file of `reference`, and has been stopped. */
async function runOnce(stage: Stage, reference: string) {
  const node = await stage.startNode("--config", reference, "--slug", "fetched");
  assertEquals(await node.end("SIGTERM"), 0);
  return node.output.stderr;
}

Deno.test("start --config URL#sha256=... runs what the file says, in the current folder", async () => {
  await using stage = await stageWithoutFile();
  await Deno.writeTextFile(`${stage.world.folder}/.env`, "CYBERWAVE_PROFILE_SLUG=from-dotenv\n");
  await using file = serving();
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
  await using changed = serving();
  changed.answer.text += "# changed\n";
  const other = await stage.run(["validate", "--config", changed.reference]);
  assertEquals(other.code, 2);
  assertMatch(other.stderr, /has the SHA-256 checksum [0-9a-f]{64}, not [0-9a-f]{64}/);
  const none = await stage.run(["validate", "--config", changed.url]);
  assertEquals(none.code, 2);
  assertStringIncludes(none.stderr, "needs its checksum\nhint: Put it behind the URL: #sha256=");
});

Deno.test("a config file that cannot be fetched now ends the start with 1, to be tried again", async () => {
  await using stage = await Stage.set();
  await using broken = serving();
  broken.answer.status = 503;
  const { code, stderr } = await stage.run(["start", "--config", broken.reference]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "Cannot fetch");
  assertStringIncludes(stderr, "the server answered with 503\nhint: Check the URL, or try again");
  broken.answer.status = 200;
  broken.answer.text = "<!doctype html><title>Down for maintenance</title>";
  const html = await stage.run(["start", "--config", broken.reference]);
  assertEquals(html.code, 1);
  assertStringIncludes(html.stderr, "an HTML page came instead");
  const service = await stage.run(["service", "install", "--config", broken.reference]);
  assertEquals(service.code, 2);
  assertStringIncludes(service.stderr, '"service" needs a config file on this computer');
});

Deno.test("no secret of the URL is shown, also where nothing listens and with -v", async () => {
  await using stage = await Stage.set();
  await using file = serving();
  await file.stop();
  const reference = file.reference.replace("http://", "http://user:hidden@");
  const { code, stderr } = await stage.run(["start", "-v", "--config", reference]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, `Cannot fetch "${file.url}": `);
  assertMatch(stderr, /refused|error 10061/i);
  assertEquals(/secret|hidden/.test(stderr), false, stderr);
});

Deno.test("a node that has been ready with the file starts again while its server is down", async (t) => {
  await using stage = await stageWithoutFile();
  await using file = serving(`\uFEFF${YAML}`);
  assertEquals((await runOnce(stage, file.reference)).includes("copy"), false);
  const copy = `${stage.world.stateFolder}/fetched_config.yml`;
  if (Deno.build.os !== "windows") {
    assertEquals((await Deno.stat(copy)).mode! & 0o777, 0o600);
  }
  await Deno.utime(copy, new Date(), new Date(Date.now() - 3 * 3600 * 1000));

  const outages = {
    "with a 5xx": () => file.answer.status = 502,
    "with a page": () => {
      file.answer.status = 200;
      file.answer.text = "<html>";
    },
    "with another file": () => file.answer.text = "inference: echo other\n",
    "not at all": () => file.stop(),
  };
  for (const [name, begin] of Object.entries(outages)) {
    await t.step(`its server answers ${name}`, async () => {
      await begin();
      await using node = await stage.startNode("--config", file.reference, "--slug", "fetched");
      const { stdout } = await stage.run(["run", "inference", '{"x":1}', "--slug", "fetched"]);
      assertEquals(stdout, 'here\n{"x":1}\n');
      assertEquals(await node.end("SIGTERM"), 0);
      const { stderr } = node.output;
      assertMatch(
        stderr,
        new RegExp(`"${file.url}".*\\. Using the copy fetched 3 h( \\d+ \\w+)? ago`),
      );
      assertEquals(stderr.includes("secret"), false);
    });
  }

  await t.step("but only with the same file: the checksum is what counts", async () => {
    const other = file.reference.slice(0, -64) + "0".repeat(64);
    const { code, stderr } = await stage.run(["start", "--config", other]);
    assertEquals(code, 1);
    assertStringIncludes(stderr, "its copy cannot be used: it is of a file with another checksum");
    await Deno.writeTextFile(copy, "inference: echo planted\n");
    const planted = await stage.run(["start", "--config", file.reference]);
    assertEquals(planted.code, 1);
    assertStringIncludes(planted.stderr, "its copy cannot be used");
  });
});

Deno.test("a file that alone says where the state folder is has no copy, which is said", async () => {
  await using stage = await stageWithoutFile();
  await using file = serving(`${YAML}  state_folder: ${stage.world.stateFolder}\n`);
  const env = { CYBERWAVE_EDGE_CONFIG_DIR: "", HOME: stage.world.folder };
  await using node = stage.start(["start", "--config", file.reference], { env });
  await node.awaitLine(/No copy of ".*" is kept .* Name that with --state-folder/);
  assertEquals(await node.end("SIGTERM"), 0);
});

Deno.test({
  name: "SIGHUP keeps the file of a URL, and says so",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using stage = await stageWithoutFile();
    await using file = serving();
    await using node = await stage.startNode("--config", file.reference);
    await file.stop();
    node.signal("SIGHUP");
    await node.awaitLine(/Kept the config file from http.*, which its checksum fixes/);
    await node.awaitLine(/Nothing has changed in the settings/);
    assertEquals(await node.end("SIGTERM"), 0);
    assert(!node.output.stderr.includes("secret"));
  },
});

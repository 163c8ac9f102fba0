import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { ConfigError } from "../../src/errors.ts";
import { inTime, RecordingLogger } from "../support/events.ts";
import { fileWritten } from "../support/files.ts";
import { ask } from "../support/http_client.ts";
import { modeOf } from "../support/modes.ts";
import { Gate } from "../support/stage.ts";
import { HttpNode } from "../support/http_node.ts";
import { NodeProcess } from "../support/node_process.ts";
import { World } from "../support/world.ts";

/** Where a node is found over HTTP, as its state folder says. */
async function urlOf(stateFolder: string): Promise<string> {
  return JSON.parse(await Deno.readTextFile(`${stateFolder}/http.json`)).url;
}

Deno.test("http: off unless it is asked for", async () => {
  await using world = await World.start();
  await using _node = await world.runNode();
  const names = Array.from(Deno.readDirSync(world.stateFolder), ({ name }) => name);
  assertEquals(names.filter((name) => name.startsWith("http")), []);
});

Deno.test("http: a node says where it is, that it lives, and that it is ready", async () => {
  await using world = await World.start();
  await using local = await world.runNode({ inference: "true", http: "127.0.0.1:0" });
  const url = await urlOf(world.stateFolder);
  assertMatch(url, /^http:\/\/127\.0\.0\.1:\d+$/);
  assertEquals(modeOf(`${world.stateFolder}/http.json`), "600");
  assertEquals(modeOf(`${world.stateFolder}/http_token`), "600");
  const health = await ask(url, "/healthz");
  assertEquals([health.status, health.body], [200, "ok\n"]);
  const ready = await ask(url, "/readyz");
  assertEquals([ready.status, JSON.parse(ready.body).ready], [200, true]);
  assertEquals(ready.headers.get("cache-control"), "no-store");
  assertEquals(ready.headers.get("access-control-allow-origin"), null);
  await local.node.stop();
  const names = Array.from(Deno.readDirSync(world.stateFolder), ({ name }) => name);
  assert(!names.includes("http.json"));
});

Deno.test("http: where it is is written later when that cannot be written now", async () => {
  await using world = await World.start();
  const inTheWay = `${world.stateFolder}/http.json`;
  await Deno.mkdir(inTheWay, { recursive: true, mode: 0o700 });
  const logger = new RecordingLogger();
  await using _node = await world.runNode({ http: "127.0.0.1:0" }, { logger });
  await logger.logged(`Cannot store "${inTheWay}"`);
  await Deno.remove(inTheWay);
  await fileWritten(inTheWay);
  assertEquals((await ask(await urlOf(world.stateFolder), "/healthz")).status, 200);
});

Deno.test("http: without its broker a node lives, but is not ready, and says since when", async () => {
  await using world = await World.withMosquitto();
  await using _node = await world.runNode({ inference: "true", http: "127.0.0.1:0" });
  const url = await urlOf(world.stateFolder);
  const before = JSON.parse((await ask(url, "/readyz")).body).since;
  await world.broker.kill();
  const unready = await untilUnready(url);
  assertEquals(unready.reasons, ["mqtt_disconnected"]);
  assert(unready.since > before);
  assertEquals((await ask(url, "/healthz")).status, 200);
});

Deno.test("http: a draining node is not ready from the first moment", async () => {
  await using world = await World.start();
  const inference = `touch began; until [ -e go ]; do read -t 0.05 <> <(:) || :; done`;
  await using local = await world.runNode({ inference, http: "127.0.0.1:0" });
  const url = await urlOf(world.stateFolder);
  await using sender = await world.sender(local.identity);
  const asked = sender.ask({ command: "inference", request_id: "r1" });
  while (!await exists(`${world.folder}/began`)) await ask(url, "/healthz");
  const drained = local.node.drain();
  const { status, body } = await ask(url, "/readyz");
  assertEquals([status, JSON.parse(body).reasons], [503, ["draining"]]);
  await Deno.writeTextFile(`${world.folder}/go`, "");
  assertEquals((await asked).status, "ok");
  await drained;
});

Deno.test("http: on a unix socket that only its owner can open", async () => {
  await using world = await World.start();
  const path = `${world.folder}/node.sock`;
  await using local = await world.runNode({ inference: "true", http: `unix:${path}` });
  assertEquals(modeOf(path), "600");
  assertEquals(await urlOf(world.stateFolder), `unix:${path}`);
  assertEquals((await ask(`unix:${path}`, "/healthz")).body, "ok\n");
  assertEquals((await ask(`unix:${path}`, "/nothing")).status, 404);
  await local.node.stop();
  assert(!await exists(path));
});

Deno.test("http: a socket needs no more than the permissions that are asked for", async () => {
  await using world = await World.start();
  const path = `${world.folder}/node.sock`;
  // What a node leaves that is killed while it makes the socket.
  await Deno.mkdir(`${path}.new`);
  await Deno.writeTextFile(`${path}.new/s`, "");
  const gate = await Gate.in(world.folder);
  const yaml = { inference: gate.template, http: `unix:${path}` };
  await using node = await NodeProcess.start(world, { yaml });
  const client = await HttpNode.at(world.stateFolder);
  assertEquals((await client.ask("/readyz")).status, 200);
  assert(!await exists(`${path}.new`));
  await client.post("/api/v1/commands", '{"command":"inference","request_id":"r1"}');
  while ((await client.ask("/api/v1/workloads/r1/logs")).body === "");
  // Its socket stays, and is in nobody's way: the workload that runs on does not hold it open.
  await node.kill("SIGKILL");
  await using _next = await NodeProcess.start(world, { yaml });
  await gate.open("a word");
  const reply = client.ask("/api/v1/workloads/r1/reply", { headers: { prefer: "wait=30" } });
  assertStringIncludes((await reply).body, "let through with a word");
});

Deno.test("http: what is in the place of the socket stays there, unless it is one that nobody serves", async () => {
  await using world = await World.start();
  const path = `${world.folder}/node.sock`;
  const config = { inference: "true", http: `unix:${path}` };
  await Deno.writeTextFile(path, "somebody's work");
  await assertRejects(() => world.runNode(config), ConfigError, "there is something else");
  assertEquals(await Deno.readTextFile(path), "somebody's work");
  await Deno.remove(path);
  {
    using _other = Deno.listen({ transport: "unix", path: `${path}.other` });
    await Deno.rename(`${path}.other`, path);
    await assertRejects(() => world.runNode(config), ConfigError, "another program listens there");
  }
  assert(await exists(path));
  await using _node = await world.runNode(config);
  assertEquals((await ask(`unix:${path}`, "/healthz")).body, "ok\n");
});

Deno.test("http: a client that stands still does not hold up a stop", async () => {
  await using world = await World.start();
  await using local = await world.runNode({ inference: "true", http: "127.0.0.1:0" });
  const { hostname, port } = new URL(await urlOf(world.stateFolder));
  using client = await Deno.connect({ hostname, port: Number(port) });
  await client.write(new TextEncoder().encode("GET /healthz HTTP/1.1\r\nHo"));
  // It is let in before the next one.
  await ask(await urlOf(world.stateFolder), "/healthz");
  await inTime(local.node.stop(), "the stop");
  assertEquals(await client.read(new Uint8Array(1)).catch(() => null), null);
});

Deno.test("http: the token stays from start to start, unless others could read it", async () => {
  await using world = await World.start();
  const file = `${world.stateFolder}/http_token`;
  const logger = new RecordingLogger();
  const tokens: string[] = [];
  for (const mode of [undefined, undefined, 0o640]) {
    if (mode !== undefined) await Deno.chmod(file, mode);
    await using _node = await world.runNode({ http: "127.0.0.1:0" }, { logger });
    tokens.push(await Deno.readTextFile(file));
    assertEquals(modeOf(file), "600");
  }
  assertEquals([tokens[0] === tokens[1], tokens[1] === tokens[2]], [true, false]);
  await logger.logged("Others could read");
});

Deno.test("http: strangers learn nothing, not even what there is", async () => {
  await using world = await World.start();
  await using _node = await world.runNode({ inference: "true", http: "127.0.0.1:0" });
  const url = await urlOf(world.stateFolder);
  assertEquals((await ask(url, "/nothing")).status, 401);
  const token = (await Deno.readTextFile(`${world.stateFolder}/http_token`)).trim();
  const authorization = `Bearer ${token}`;
  assertEquals((await ask(url, "/nothing", { headers: { authorization } })).status, 404);
  for (const path of ["/healthz", "/readyz", "/metrics", "/nothing"]) {
    const rebound = await ask(url, path, { headers: { authorization, host: "evil.example" } });
    assertEquals(rebound.status, 403, path);
    assertStringIncludes(rebound.body, "Host");
  }
  assertEquals((await ask(url, "/healthz", { method: "POST" })).status, 405);
  assertEquals((await ask(url, "/healthz", { method: "HEAD" })).body, "");
});

async function untilUnready(url: string): Promise<{ reasons: string[]; since: string }> {
  for (;;) {
    const { status, body } = await ask(url, "/readyz");
    if (status === 503) return JSON.parse(body);
  }
}

function exists(path: string): Promise<boolean> {
  return Deno.lstat(path).then(() => true, () => false);
}

Deno.test("http: a node listens wherever it may under the permissions that its settings ask for", async () => {
  await using world = await World.start();
  for (const http of ["localhost:0", "127.0.0.1:0", `unix:${world.folder}/node.sock`]) {
    await using node = await NodeProcess.start(world, { yaml: { inference: "true", http } });
    const { status } = await ask(await urlOf(world.stateFolder), "/healthz");
    assertEquals(status, 200, http);
    await node.kill("SIGTERM");
  }
});

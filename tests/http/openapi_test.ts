import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import manifest from "../../deno.json" with { type: "json" };
import { ROUTES } from "../../src/http/routes.ts";
import { becomes } from "../support/followed.ts";
import { ask, type RawRequest } from "../support/http_client.ts";
import { type HttpClient, HttpNode } from "../support/http_node.ts";
import { AnswerChecker, OPERATIONS, problemsOfDocument } from "../support/openapi.ts";
import { Gate, Stage } from "../support/stage.ts";

const JSON_TYPE = { "content-type": "application/json" };
const WAIT = { prefer: "wait=30" };

Deno.test("openapi: the description is one, and has each route and no other", async () => {
  assertEquals(await problemsOfDocument(), undefined);
  const named = (routes: readonly { readonly method: string; readonly path: string }[]) =>
    routes.map(({ method, path }) => `${method} ${path}`).sort();
  assertEquals(named(OPERATIONS), named(ROUTES));
  for (const { method, path, isOpen = false } of ROUTES) {
    const operation = OPERATIONS.find((one) => one.path === path && one.method === method)!;
    assertEquals(operation.isOpen, isOpen, path);
  }
});

Deno.test("openapi: each answer is as it is described, and each that is described is given", async () => {
  const checker = new AnswerChecker();
  const checked = (client: HttpClient) => new CheckedClient(client, checker);
  await using stage = await Stage.set();
  const { world } = stage;
  await world.answerOverMqtt();
  const gate = await Gate.in(world.folder);
  const resultsFolder = `${world.folder}/results`;
  const inference = 'echo out; echo err >&2; cd "${CYBERWAVE_RESULTS_FOLDER:-/}" && touch a.txt';
  await using node = await HttpNode.in(world, {
    ...{ inference, training: gate.template },
    ...{ maxQueued: 0, maxCommandSize: 20_000, resultsFolder },
  });
  const client = checked(node);
  await checkGuards(client);
  await checkPage(client);
  await checkNode(client);
  await checkWorkloads(client, node);
  await checkResults(client, node);
  await checkSocket(checker, node);
  await checkDoctor(stage, checked);
  await checkRunning(client, node);
  assertEquals(checker.unseen, []);
});

/** Who asks, and checks each answer. */
class CheckedClient {
  constructor(readonly client: HttpClient, readonly checker: AnswerChecker) {}

  /** Asks with the token. */
  async get(path: string, request: RawRequest = {}) {
    const answer = await this.client.ask(path, request);
    this.checker.check(request.method ?? "GET", path, answer);
    return answer;
  }

  post(path: string, body = "", headers: Record<string, string> = {}) {
    return this.get(path, { method: "POST", body, headers: { ...JSON_TYPE, ...headers } });
  }

  command(command: string, requestId: string, headers = {}, params = {}) {
    const body = JSON.stringify({ command, request_id: requestId, params });
    return this.post("/api/v1/commands", body, headers);
  }

  /** Asks without it. */
  async stranger(method: string, path: string, headers: Record<string, string> = {}) {
    const answer = await ask(this.client.url, path, { method, headers });
    this.checker.check(method, path, answer);
  }
}

/** What is the same for all routes. */
async function checkGuards(client: CheckedClient) {
  for (const { method, path, isOpen } of OPERATIONS) {
    const actual = path.replace(/\{\w+\}/g, "x");
    await client.stranger(method, actual, { host: "evil.example" });
    if (!isOpen) await client.stranger(method, actual, JSON_TYPE);
    if (method !== "POST") continue;
    const { authorization } = { authorization: `Bearer ${client.client.token}` };
    await client.stranger(method, actual, { authorization, "content-type": "text/plain" });
  }
}

async function checkPage(client: CheckedClient) {
  const { body } = await client.post("/api/v1/links");
  const link = JSON.parse(body).url.slice(client.client.url.length);
  await client.get(link);
  await client.get(link);
  for (const path of ["/", "/page/app.js", "/page/nothing", "/page/vendor/htm.js"]) {
    await client.get(path);
  }
  await client.get("/page/vendor/nothing");
}

async function checkNode(client: CheckedClient) {
  for (
    const path of [
      ...["/healthz", "/readyz", "/metrics"],
      ...["/api/v1/status", "/api/v1/backlog", "/api/v1/resources", "/api/v1/connections"],
      ...["/api/v1/settings", "/api/v1/doctor"],
    ]
  ) await client.get(path);
  const document = JSON.parse((await client.get("/api/v1/openapi.json")).body);
  assertEquals(document.info.version, manifest.version);
  const { url, token } = client.client;
  const headers = { authorization: `Bearer ${token}` };
  const open = () => fetch(`${url}/api/v1/events`, { headers });
  const streams = await Promise.all(Array.from({ length: 32 }, open));
  await client.get("/api/v1/events");
  for (const { status, headers, body } of streams) {
    client.checker.check("GET", "/api/v1/events", { status, headers, body: "" });
    await body!.cancel();
  }
}

async function checkWorkloads(client: CheckedClient, node: HttpNode) {
  await client.command("inference", "r1", WAIT);
  await client.command("inference", "r1");
  const of = "/api/v1/workloads/r1";
  for (
    const path of [
      ...["/api/v1/workloads", "/api/v1/workloads?limit=x", "/api/v1/workloads?state=ended"],
      ...[of, `${of}/logs`, `${of}/logs?stream=stderr&tail=2`, `${of}/logs?offset=-1`],
      ...[`${of}/params`, `${of}/reply`, `${of}/results`, `${of}/results/nothing`],
    ]
  ) await client.get(path);
  for (const part of ["", "/logs", "/params", "/reply", "/results"]) {
    await client.get(`/api/v1/workloads/nobody${part}`);
  }
  await client.post(`${of}/cancel`);
  await client.post(`${of}/cancel`, '{"signal":"SIGHUP"}');
  await client.post(`${of}/cancel`, " ".repeat(70_000));
  await client.post("/api/v1/workloads/nobody/cancel");
  await client.post("/api/v1/commands", "{}");
  await client.command("simulate", "r2");
  const { id } = JSON.parse((await client.get(of)).body);
  await Deno.remove(`${node.world.stateFolder}/workloads/${id}`, { recursive: true });
  await client.get(`${of}/params`);
  node.forgetReplies();
  await client.get(`${of}/reply`);
  // As it is before a node that starts has looked at it.
  using journal = new DatabaseSync(`${node.world.stateFolder}/journal.db`);
  journal.exec(`INSERT INTO commands (id, kind, params, slug, instance_uuid, reply_topic, state,
    accepted_at) VALUES ('c1', 'inference', '{}', 's', 'u', 't', 'queued', 1)`);
  await client.post("/api/v1/workloads/c1/cancel");
  journal.exec("DELETE FROM commands WHERE id = 'c1'");
}

async function checkResults(client: CheckedClient, { world, local }: HttpNode) {
  const workload = world.backend.createWorkload(local.identity.uuid);
  world.backend.answerNext(
    ({ path }) => path.endsWith("/attachments"),
    () => Response.json({ message: "quota exceeded" }, { status: 402 }),
    100,
  );
  await client.command("inference", "s1", {}, { workload_uuid: workload.uuid });
  await becomes(world, workload, "failed");
  for (const part of ["results", "results/a.txt", "params"]) {
    await client.get(`/api/v1/workloads/s1/${part}`);
  }
  await Deno.remove(`${world.stateFolder}/workload_results`, { recursive: true });
  await client.get("/api/v1/workloads/s1/results/a.txt");
}

/** What runs, and a node that takes no more. */
async function checkRunning(client: CheckedClient, { world, local }: HttpNode) {
  const { uuid: workload_uuid } = world.backend.createWorkload(local.identity.uuid);
  await client.command("training", "t1", {}, { workload_uuid });
  while ((await client.get("/api/v1/workloads/t1/logs")).body === "");
  await client.get("/api/v1/workloads/t1/reply");
  await client.command("training", "t2", {}, { workload_uuid });
  await client.command("training", "t3");
  await client.command("training", "t4", {}, { x: "x".repeat(20_000) });
  await client.get("/api/v1/status");
  await client.post("/api/v1/drain");
  await client.get("/readyz");
  await client.command("training", "t5");
  await client.post("/api/v1/workloads/t1/cancel");
  await local.ended;
}

/** What there is on a unix socket, where a browser does not get. */
async function checkSocket(checker: AnswerChecker, { world, local }: HttpNode) {
  const stateFolder = `${world.folder}/other`;
  const http = `unix:${world.folder}/node.sock`;
  await using _node = await world.runNode({ http, stateFolder, slug: `${local.identity.slug}-2` });
  const headers = JSON_TYPE;
  checker.check(
    "POST",
    "/api/v1/links",
    await ask(http, "/api/v1/links", { method: "POST", headers }),
  );
}

/** A node of the command line, which knows what doctor does. */
async function checkDoctor(stage: Stage, checked: (client: HttpClient) => CheckedClient) {
  const stateFolder = `${stage.world.folder}/third`;
  await stage.configure(`  inference: "true"\n  http: 127.0.0.1:0\n`);
  await using _node = await stage.startNode("--slug", "n3", "--state-folder", stateFolder);
  const client = checked(await HttpNode.at(stateFolder));
  await client.get("/api/v1/doctor");
  await client.get("/api/v1/settings");
}

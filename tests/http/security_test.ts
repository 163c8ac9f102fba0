/** What holds for every route, those to come included. */
import { assert, assertEquals } from "@std/assert";
import { ROUTES } from "../../src/http/routes.ts";
import { ask, type RawAnswer } from "../support/http_client.ts";
import { HttpNode } from "../support/http_node.ts";

const JSON_TYPE = { "content-type": "application/json" };

/** A path of each route, with a workload and a file of the page in it. */
const PATHS = ROUTES.map((route) => ({
  route,
  path: route.path
    .replace(/^\/page\/\{id\}$/, "/page/app.js")
    .replace(/^\/page\/vendor\/\{id\}$/, "/page/vendor/htm.js")
    .replace("{id}", "r1")
    .replace("{name}", "x"),
}));

/** The cookie of somebody whom a link has let in. */
async function cookieOf(node: HttpNode): Promise<string> {
  const { url } = JSON.parse((await node.post("/api/v1/links", "")).body);
  const { headers } = await ask(node.url, url.slice(node.url.length));
  return headers.get("set-cookie")!.split(";")[0]!;
}

Deno.test("security: no route answers to another Host, or to a page of another site, whoever asks", async () => {
  await using node = await HttpNode.start({ inference: "true" });
  const cookie = await cookieOf(node);
  const { port } = new URL(node.url);
  const strangers: Record<string, string>[] = [
    { host: "evil.example" },
    { host: `evil.example:${port}` },
    { host: "127.0.0.1" },
    { origin: "https://evil.example" },
    { origin: `http://127.0.0.1:${Number(port) + 1}` },
    { origin: "null" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
  ];
  for (const { route: { method }, path } of PATHS) {
    for (const stranger of strangers) {
      const headers = { ...JSON_TYPE, cookie, ...stranger };
      const { status, body } = await node.ask(path, { method, headers });
      const name = `${method} ${path} ${JSON.stringify(stranger)}`;
      assertEquals([status, JSON.parse(body).code], [403, "forbidden"], name);
    }
  }
});

Deno.test("security: without token or cookie there is only what is open", async () => {
  await using node = await HttpNode.start({ inference: "true" });
  const cookie = await cookieOf(node);
  const { token } = node;
  const strangers: Record<string, string>[] = [
    {},
    { authorization: `Bearer ${token}x` },
    { authorization: `Bearer ${token.toUpperCase()}` },
    { authorization: `Basic ${btoa(`:${token}`)}` },
    { cookie: `${cookie}x` },
    { cookie: `cloud_node_session=${cookie.split("=")[1]}` },
    { cookie: cookie.replace(/=.*/, `=${token}`) },
  ];
  const open: string[] = [];
  for (const { route: { method }, path } of PATHS) {
    for (const stranger of strangers) {
      const { status } = await ask(node.url, path, {
        method,
        headers: { ...JSON_TYPE, ...stranger },
      });
      if (status !== 401) open.push(path);
    }
    for (const query of [`token=${token}`, `access_token=${token}`, `code=${token}`]) {
      const { status } = await ask(node.url, `${path}?${query}`, { method, headers: JSON_TYPE });
      if (status !== 401) open.push(path);
    }
  }
  assertEquals([...new Set(open)], ["/healthz", "/readyz", "/metrics"]);
});

Deno.test("security: every answer says what a browser may do with it, and lets no other site read it", async () => {
  await using node = await HttpNode.start({ inference: "true" });
  await node.post("/api/v1/commands", '{"command":"inference","request_id":"r1"}', {
    prefer: "wait=30",
  });
  const check = (name: string, { headers }: Pick<RawAnswer, "headers">) => {
    const policy = headers.get("content-security-policy") ?? "";
    assert(policy.startsWith("default-src 'self'; frame-ancestors 'none'"), name);
    assert(!/unsafe|\*|data:|https?:/.test(policy), name);
    assertEquals(headers.get("x-content-type-options"), "nosniff", name);
    assertEquals(headers.get("cache-control"), "no-store", name);
    assertEquals(headers.get("referrer-policy"), "no-referrer", name);
    assertEquals(headers.get("cross-origin-resource-policy"), "same-origin", name);
    const cors = [...headers.keys()].filter((header) => header.startsWith("access-control-"));
    assertEquals(cors, [], name);
  };
  for (const { route: { method }, path } of PATHS) {
    if (path === "/api/v1/events" || path === "/api/v1/drain") continue;
    check(path, await node.ask(path, { method, headers: JSON_TYPE }));
    check(path, await ask(node.url, path, { method }));
    // What a browser asks before it sends something across sites.
    const preflight = { origin: node.url, "access-control-request-method": method };
    check(path, await node.ask(path, { method: "OPTIONS", headers: preflight }));
  }
  check("nothing", await node.ask("/nothing"));
});

Deno.test("security: no form of another site does anything, and no method but the one that is meant", async () => {
  await using node = await HttpNode.start({ inference: "touch ran" });
  const types = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain", ""];
  for (const { route: { method, hasEffect }, path } of PATHS) {
    for (const other of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]) {
      const isMeant = other === method || (other === "HEAD" && method === "GET" && !hasEffect);
      if (isMeant) continue;
      const { status, headers } = await node.ask(path, { method: other, headers: JSON_TYPE });
      assertEquals(status, 405, `${other} ${path}`);
      assert(headers.get("allow")!.includes(method), path);
    }
    if (method !== "POST") continue;
    for (const type of types) {
      const headers = { "content-type": type };
      const { status } = await node.ask(path, { method, headers, body: '{"command":"inference"}' });
      assertEquals(status, 400, `${path} as ${type}`);
    }
  }
  assertEquals((await node.json("/api/v1/workloads")).workloads, []);
  assertEquals((await node.json("/api/v1/status")).is_draining, false);
});

Deno.test("security: nothing shows a secret, or what stands in the environment of a workload", async () => {
  const [broker, own, key] = ["s3cret-broker", "s3cret-variable", "s3cret-of-the-workload"];
  await using node = await HttpNode.start({
    ...{ inference: "true", mqttPassword: broker, env: { MODEL: own } },
  });
  const params = JSON.stringify({ cyberwave_workload_token: key, x: 1 });
  const command = `{"command":"inference","request_id":"r1","params":${params}}`;
  const bodies = [(await node.post("/api/v1/commands", command, { prefer: "wait=30" })).body];
  for (const { route: { method }, path } of PATHS) {
    if (method === "GET" && path !== "/api/v1/events") bodies.push((await node.ask(path)).body);
  }
  const secrets = [broker, own, key, node.token, node.world.backend.token];
  for (const secret of secrets) assert(!bodies.join("\n").includes(secret), secret);
});

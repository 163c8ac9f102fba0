import { assertEquals, assertMatch } from "@std/assert";
import { ask } from "../support/http_client.ts";
import { HttpNode } from "../support/http_node.ts";

/** A new link to the page of a node, without the server. */
async function linkTo(node: HttpNode): Promise<string> {
  const { status, body } = await node.post("/api/v1/links", "");
  assertEquals(status, 201);
  const { url, expires_at } = JSON.parse(body);
  assertMatch(expires_at, /^\d{4}-.*Z$/);
  assertEquals(url.slice(0, node.url.length), node.url);
  return url.slice(node.url.length);
}

Deno.test("login: a link lets one browser in, and no URL keeps what did", async () => {
  await using node = await HttpNode.start({ inference: "true" });
  const link = await linkTo(node);
  assertMatch(link, /^\/login\?code=[\w-]{43}$/);
  const { status, headers, body } = await ask(node.url, link);
  assertEquals([status, body], [303, ""]);
  const path = headers.get("location")!;
  assertMatch(path, /^\/s\/[\w-]{43}\/$/);
  const [cookie, ...attributes] = headers.get("set-cookie")!.split("; ");
  // Another user's server on another port is sent no cookie: it knows no such path.
  assertEquals(attributes, [`Path=${path}`, "Max-Age=604800", "HttpOnly", "SameSite=Strict"]);
  for (const shown of [path, `${path}page/app.js`, `${path}api/v1/status`]) {
    assertEquals((await ask(node.url, shown, { headers: { cookie: cookie! } })).status, 200, shown);
    assertEquals((await ask(node.url, shown)).status, 401, "the path alone is worth nothing");
  }
  assertEquals(
    (await ask(node.url, "/api/v1/status", { headers: { cookie: cookie! } })).status,
    200,
  );
  // Whoever finds the link later has nothing.
  const again = await ask(node.url, link);
  assertEquals([again.status, again.headers.get("set-cookie")], [401, null]);
  assertMatch(again.body, /cyberwave-cloud-node page/);
});

Deno.test("login: nobody gets in without a link of this node, and a look does not use one up", async () => {
  await using node = await HttpNode.start({ inference: "true" });
  for (const path of ["/login", "/login?code=", `/login?code=${node.token}`]) {
    assertEquals((await ask(node.url, path)).status, 401, path);
  }
  const link = await linkTo(node);
  assertEquals((await ask(node.url, link, { method: "HEAD" })).status, 405);
  assertEquals((await ask(node.url, link, { method: "POST" })).status, 405);
  const site = { "sec-fetch-site": "cross-site" };
  assertEquals((await ask(node.url, link, { headers: site })).status, 403);
  assertEquals((await ask(node.url, link)).status, 303);
});

Deno.test("login: only who has the token gets a link, and only to a server that browsers reach", async () => {
  await using node = await HttpNode.start({ inference: "true" });
  const post = { method: "POST", headers: { "content-type": "application/json" } };
  assertEquals((await ask(node.url, "/api/v1/links", post)).status, 401);
  const path = `${node.world.folder}/node.sock`;
  const stateFolder = `${node.world.folder}/other`;
  await using _other = await node.world.runNode({ http: `unix:${path}`, stateFolder });
  const { status, body } = await ask(`unix:${path}`, "/api/v1/links", post);
  assertEquals([status, JSON.parse(body).code], [409, "not_available"]);
});

import { assert, assertEquals } from "@std/assert";
import { Browser, browserAvailable } from "../support/browser.ts";
import { HttpNode } from "../support/http_node.ts";

/** What a page tries, each with what came of it: `"blocked"`, or what it got. */
const ATTEMPTS = (node: string) =>
  `(async () => {
  const results = {};
  const attempt = async (name, make) => {
    try { results[name] = await make(); } catch { results[name] = "blocked"; }
  };
  const loaded = (element, url) => new Promise((resolve, reject) => {
    element.onload = () => resolve("loaded");
    element.onerror = reject;
    element.src = "${node}" + url;
    document.body.append(element);
  });
  const opened = (source) => new Promise((resolve, reject) => {
    source.onopen = () => resolve("opened");
    source.onerror = () => { source.close(); reject(); };
  });
  const ask = async (options, url = "/api/v1/commands") =>
    (await fetch("${node}" + url, { credentials: "include", ...options })).type;
  const body = '{"command":"inference","request_id":"evil"}';
  const headers = { "content-type": "application/json" };
  await attempt("read", () => ask({}, "/api/v1/workloads"));
  await attempt("read opaquely", () => ask({ mode: "no-cors" }, "/api/v1/workloads"));
  await attempt("run", () => ask({ method: "POST", headers, body }));
  await attempt("run opaquely", () => ask({ method: "POST", mode: "no-cors", body }));
  await attempt("script", () => loaded(document.createElement("script"), "/page/app.js"));
  await attempt("image", () => loaded(new Image(), "/page/icon.svg"));
  await attempt("events", () => opened(new EventSource("${node}/api/v1/events")));
  await attempt("socket", () => opened(new WebSocket("${
    node.replace("http", "ws")
  }/api/v1/events")));
  return JSON.stringify(results);
})()`;

Deno.test({
  name: "page: what another user serves on another port gets no session, and nothing of the node",
  ignore: !browserAvailable(),
  async fn() {
    await using node = await HttpNode.start({ inference: "true" });
    const cookies: (string | null)[] = [];
    const evil = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
      cookies.push(request.headers.get("cookie"));
      return new Response("<h2>evil</h2>", { headers: { "content-type": "text/html" } });
    });
    await using browser = await Browser.start();
    await browser.open(JSON.parse((await node.post("/api/v1/links", "")).body).url);
    await browser.until(`document.querySelector("h2")`);
    await browser.open(`http://127.0.0.1:${evil.addr.port}/`);
    await browser.until(`document.querySelector("h2")?.textContent === "evil"`);
    const results = JSON.parse(await browser.evaluate(ATTEMPTS(node.url)));
    assertEquals(Object.keys(results).length, 8);
    for (const [name, result] of Object.entries(results)) assertEquals(result, "blocked", name);
    assert(cookies.length > 0);
    assertEquals(cookies.filter((cookie) => cookie !== null), []);
    assertEquals((await node.json("/api/v1/workloads")).workloads, []);
    await evil.shutdown();
  },
});

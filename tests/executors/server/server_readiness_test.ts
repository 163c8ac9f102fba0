import { assertEquals } from "@std/assert";
import { readinessOf } from "../../../src/executors/server/server_readiness.ts";

function typeOf(status: number, body: unknown, isQuestion = true): string {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return readinessOf(status, text, isQuestion).type;
}

Deno.test("readiness: a good status is enough, unless the body says otherwise", () => {
  const bodies = [
    "",
    "OK",
    "[]",
    "null",
    {},
    { status: "ok" },
    { status: "READY" },
    {
      status: "BUSY",
    },
    { ready: true },
    { live: true },
    { status: 7 },
  ];
  for (const body of bodies) assertEquals(typeOf(200, body), "ready", JSON.stringify(body));
  assertEquals(typeOf(204, ""), "ready");
  assertEquals(readinessOf(200, '{"status":"BUSY"}', true), { type: "ready", isBusy: true });
});

Deno.test("readiness: a body may say that the server is not ready yet", () => {
  const bodies = [{ ready: false }, { live: false }, { status: "STARTING" }, {
    status: "loading",
  }, { status: "Unhealthy" }];
  for (const body of bodies) assertEquals(typeOf(200, body), "waiting", JSON.stringify(body));
});

Deno.test("readiness: a server whose setup has failed never becomes ready, and says why", () => {
  assertEquals(typeOf(200, { status: "DEFUNCT" }), "broken");
  const body = { status: "SETUP_FAILED", setup: { logs: "loading\nCUDA out of memory\n" } };
  assertEquals(readinessOf(200, JSON.stringify(body), true), {
    type: "broken",
    why: 'it says "setup_failed": CUDA out of memory',
  });
});

Deno.test("readiness: other statuses are those of a server that is not ready", () => {
  for (const status of [301, 404, 500, 503]) assertEquals(typeOf(status, ""), "waiting");
  assertEquals(readinessOf(503, "", true), { type: "waiting", why: "it answers 503" });
});

Deno.test("readiness: where nothing is known to ask, any answer of the server itself will do", () => {
  for (const status of [200, 404, 405, 500, 501]) assertEquals(typeOf(status, "", false), "ready");
  for (const status of [502, 503, 504]) assertEquals(typeOf(status, "", false), "waiting");
});

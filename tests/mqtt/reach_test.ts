import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { reach, type Server } from "../../src/mqtt/reach.ts";
import { systemClock } from "../../src/time.ts";
import { Authority } from "../support/authority.ts";
import { Mosquitto, mosquittoAvailable } from "../support/mosquitto.ts";

const NEVER = new AbortController().signal;

/** The stages to a server that went well, and what is said about the one that did not. */
async function stagesTo(server: Partial<Server> & { port: number }, signal = NEVER) {
  const target = { name: "the server", host: "127.0.0.1", ...server };
  const { passed, failed } = await reach(target, systemClock, signal);
  return { passed: passed.map(({ stage }) => stage), failed: failed?.stage, ...failed?.failure };
}

Deno.test("an address has no DNS to pass, and a server without TLS no TLS", async () => {
  using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = server.addr;
  assertEquals(await stagesTo({ port }), { passed: ["TCP"], failed: undefined });
  const named = await stagesTo({ port, host: "localhost" });
  assertEquals(named, { passed: ["DNS", "TCP"], failed: undefined });
});

Deno.test("the way ends at the first step that fails", async () => {
  const { passed, failed, why } = await stagesTo({ host: "nowhere.invalid", port: 1, tls: {} });
  assertEquals([passed, failed], [[], "DNS"]);
  assertMatch(why!, /"nowhere\.invalid" cannot be resolved/);
});

Deno.test({
  name: "where names may not be looked up by themselves, connecting tells",
  permissions: { net: ["localhost:9"] },
  async fn() {
    const { passed, failed, why } = await stagesTo({ host: "localhost", port: 9 });
    assertEquals([passed, failed, why], [[], "TCP", "connection refused"]);
  },
});

Deno.test("a server that hangs up during TLS is said to", async () => {
  using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const hangUp = (async () => {
    for await (const connection of server) connection.close();
  })();
  const { passed, failed, why } = await stagesTo({ port: server.addr.port, tls: {} });
  assertEquals([passed, failed], [["TCP"], "TLS"]);
  assertMatch(why!, /closed the connection/);
  server.close();
  await hangUp;
});

Deno.test("whoever gives up gets the reason, and no connection is left", async () => {
  using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = (async () => [await server.accept(), await server.accept()])();
  const giveUp = new AbortController();
  const way = stagesTo({ port: server.addr.port, tls: {} }, giveUp.signal);
  const connections = await accepted;
  giveUp.abort(new Error("enough"));
  await assertRejects(() => way, Error, "enough");
  for (const connection of connections) connection.close();
});

Deno.test({
  name: "a certificate is told by the name of its server",
  ignore: !mosquittoAvailable(),
  async fn() {
    await using authority = await Authority.create();
    const tls = await authority.issue("subjectAltName=DNS:localhost");
    await using broker = await Mosquitto.start({ tls });
    const { port } = broker;
    const trusted = { port, host: "localhost", tls: { ca: () => authority.pem } };
    assertEquals((await stagesTo(trusted)).passed, ["DNS", "TCP", "TLS"]);
    const { failed, why } = await stagesTo({ port, tls: {} });
    assertEquals(failed, "TLS");
    assertEquals(why, "the server's certificate is not signed by a trusted authority");
  },
});

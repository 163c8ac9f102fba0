import { assertEquals } from "@std/assert";
import { type Access, hostsOf, refuseAccess, refuseOrigin } from "../../src/http/guard.ts";

const LISTENING = { hosts: hostsOf("127.0.0.1", 8470), needsToken: true };
const SOCKET = { hosts: undefined, needsToken: false };

const OPEN: Access = { method: "GET", isOpen: true };
const READ: Access = { method: "GET" };
const WRITE: Access = { method: "POST" };

Deno.test("guard: a server answers to its own names, with its port, and to no other", () => {
  const cases: [hostname: string, port: number, host: string, expected: boolean][] = [
    ["127.0.0.1", 8470, "127.0.0.1:8470", true],
    ["127.0.0.1", 8470, "localhost:8470", true],
    ["127.0.0.1", 8470, "LOCALHOST:8470", true],
    ["127.0.0.1", 8470, "[::1]:8470", true],
    ["127.0.0.1", 8470, "127.0.0.1", false],
    ["127.0.0.1", 8470, "127.0.0.1:8471", false],
    ["127.0.0.1", 8470, "rebound.example:8470", false],
    ["127.0.0.1", 8470, "", false],
    ["127.0.0.1", 80, "localhost", true],
    ["::1", 8470, "[::1]:8470", true],
    ["::1", 8470, "::1:8470", false],
    ["192.0.2.7", 8470, "192.0.2.7:8470", true],
    ["192.0.2.7", 8470, "localhost:8470", false],
    ["0.0.0.0", 8470, "localhost:8470", true],
    // Whatever address of the machine it is, and whatever port of another one leads there.
    ["0.0.0.0", 8470, "192.0.2.7:8470", true],
    ["0.0.0.0", 8470, "192.0.2.7:9000", true],
    ["0.0.0.0", 8470, "192.0.2.7", true],
    ["::", 8470, "[2001:db8::7]:8470", true],
    ["::", 8470, "192.0.2.7:8470", true],
    ["0.0.0.0", 8470, "rebound.example:8470", false],
    ["0.0.0.0", 8470, "192.0.2.7.rebound.example:8470", false],
    ["0.0.0.0", 8470, "[rebound]:8470", false],
    ["0.0.0.0", 8470, "192.0.2.7:x", false],
    ["0.0.0.0", 8470, "", false],
  ];
  for (const [hostname, port, host, expected] of cases) {
    const refusal = refuseOrigin(
      { headers: new Headers({ host }) },
      { hosts: hostsOf(hostname, port), needsToken: true },
    );
    assertEquals(refusal === undefined, expected, `${host} at ${hostname} ${port}`);
  }
});

Deno.test("guard: what a page of another site sends is refused, wherever it goes", () => {
  const cases: [headers: Record<string, string>, expected: number | undefined][] = [
    [{}, undefined],
    [{ origin: "http://localhost:8470" }, undefined],
    [{ origin: "http://127.0.0.1:8470" }, 403],
    [{ origin: "http://localhost:3000" }, 403],
    [{ origin: "https://localhost:8470" }, 403],
    [{ origin: "https://evil.example" }, 403],
    [{ origin: "null" }, 403],
    [{ "sec-fetch-site": "same-origin" }, undefined],
    [{ "sec-fetch-site": "none" }, undefined],
    [{ "sec-fetch-site": "same-site" }, 403],
    [{ "sec-fetch-site": "cross-site" }, 403],
    [{ "sec-fetch-site": "nonsense" }, 403],
  ];
  for (const [headers, expected] of cases) {
    const request = { headers: new Headers({ host: "localhost:8470", ...headers }) };
    assertEquals(refuseOrigin(request, LISTENING)?.status, expected, JSON.stringify(headers));
  }
});

Deno.test("guard: on a unix socket any Host will do, but no page of another site", () => {
  const site = { host: "x", "sec-fetch-site": "cross-site" };
  assertEquals(refuseOrigin({ headers: new Headers({ host: "x" }) }, SOCKET), undefined);
  assertEquals(refuseOrigin({ headers: new Headers(site) }, SOCKET)?.status, 403);
});

Deno.test("guard: what needs the token, which methods there are, and what a form cannot send", () => {
  const json = { "content-type": "application/json" };
  const cases: [
    method: string,
    access: Access | undefined,
    hasToken: boolean,
    headers: Record<string, string>,
    expected: number | undefined,
  ][] = [
    ["GET", OPEN, false, {}, undefined],
    ["HEAD", OPEN, false, {}, undefined],
    ["POST", OPEN, false, json, 405],
    ["GET", READ, false, {}, 401],
    ["GET", READ, true, {}, undefined],
    ["DELETE", READ, true, {}, 405],
    ["POST", WRITE, false, json, 401],
    ["POST", WRITE, true, json, undefined],
    ["POST", WRITE, true, { "content-type": "application/json; charset=utf-8" }, undefined],
    ["POST", WRITE, true, { "content-type": "application/x-www-form-urlencoded" }, 400],
    ["POST", WRITE, true, { "content-type": "text/plain" }, 400],
    ["POST", WRITE, true, {}, 400],
    ["GET", WRITE, true, {}, 405],
    // Whether something is there is told only to those who may see it.
    ["GET", undefined, false, {}, 401],
    ["GET", undefined, true, {}, 404],
  ];
  for (const [method, access, hasToken, headers, expected] of cases) {
    const request = { method, path: "/x", headers: new Headers(headers) };
    const refusal = refuseAccess(request, access, LISTENING, hasToken);
    assertEquals(refusal?.status, expected, `${method} ${JSON.stringify({ access, hasToken })}`);
  }
  const request = { method: "GET", path: "/x", headers: new Headers() };
  assertEquals(refuseAccess(request, READ, SOCKET, false), undefined);
});

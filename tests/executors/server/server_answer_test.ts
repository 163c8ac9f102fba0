import { assertEquals, assertStringIncludes } from "@std/assert";
import { MemberFinder } from "../../../src/executors/server/member_finder.ts";
import { PRESETS } from "../../../src/executors/server/preset.ts";
import { type Verdict, verdictOn } from "../../../src/executors/server/server_answer.ts";
import type { ServerApi } from "../../../src/config/programs/workload_program.ts";

interface Given {
  readonly api?: ServerApi;
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly unwrap?: string;
}

/** What an answer means; the output as text. */
function verdict({ api = "json", status = 200, body = "", headers = {}, unwrap }: Given) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const bytes = new TextEncoder().encode(text);
  const finder = new MemberFinder();
  finder.push(bytes);
  const answer = {
    status,
    header: (name: string) => headers[name],
    members: finder.members,
    size: bytes.length,
    read: (start: number, end: number) => bytes.subarray(start, end),
  };
  const result: Verdict = verdictOn(answer, PRESETS[api], unwrap ?? PRESETS[api].unwrap);
  return result.type === "ok"
    ? { type: result.type, ok: new TextDecoder().decode(bytes.subarray(result.start, result.end)) }
    : result;
}

/** The error of an answer. */
function error(given: Given): string {
  const result = verdict(given);
  return "error" in result ? result.error : JSON.stringify(result);
}

Deno.test("answers: all of one is the output, or the member that is asked for", () => {
  assertEquals(verdict({ body: '{"a": 1}' }), { type: "ok", ok: '{"a": 1}' });
  assertEquals(verdict({ body: "" }), { type: "ok", ok: "" });
  assertEquals(verdict({ body: '{"a": 1, "out":[1, 2]}', unwrap: "out" }), {
    type: "ok",
    ok: "[1, 2]",
  });
  assertEquals(verdict({ api: "cog", body: { status: "succeeded", output: "x" } }), {
    type: "ok",
    ok: '"x"',
  });
  assertEquals(verdict({ api: "runpod", body: { id: "1", status: "COMPLETED", output: 4 } }), {
    type: "ok",
    ok: "4",
  });
});

Deno.test("answers: a compressed one is a failure, since nobody has asked for it", () => {
  const headers = { "content-encoding": "gzip" };
  const compressed = 'The server\'s answer is compressed ("gzip"), which it must not be';
  assertEquals(error({ body: "\x1f\x8b", headers }), compressed);
  assertEquals(error({ status: 500, body: "\x1f\x8b", headers }), "The server answered 500");
  const identity = { "content-encoding": "identity" };
  assertEquals(verdict({ body: "1", headers: identity }), { type: "ok", ok: "1" });
});

Deno.test("answers: one without the member that is asked for is a failure", () => {
  assertEquals(
    error({ body: { a: 1 }, unwrap: "out" }),
    `The server's answer has no member "out", which its output is taken from: {"a":1}`,
  );
});

Deno.test("answers: the error of another status is what the body says", () => {
  const answered = (body: unknown) => error({ status: 422, body });
  assertEquals(answered({ error: "too large" }), "The server answered 422: too large");
  assertEquals(answered({ detail: "no x" }), "The server answered 422: no x");
  assertEquals(answered({ message: "no y" }), "The server answered 422: no y");
  assertEquals(
    answered({ error: { message: "no z", type: "t" } }),
    "The server answered 422: no z",
  );
  assertEquals(
    answered({ detail: [{ loc: ["body"], msg: "missing" }] }),
    'The server answered 422: [{"loc":["body"],"msg":"missing"}]',
  );
  assertEquals(answered("<h1>Bad</h1>"), "The server answered 422: <h1>Bad</h1>");
  assertEquals(answered(""), "The server answered 422");
  assertEquals(error({ status: 500, body: "x".repeat(10_000) }).length, 2_026);
});

Deno.test("answers: a good status may be that of a failure", () => {
  assertEquals(error({ api: "cog", body: { status: "failed", error: "no GPU" } }), "no GPU");
  assertEquals(error({ api: "runpod", body: { status: "FAILED", error: "boom" } }), "boom");
  assertEquals(error({ api: "oip", body: { error: "no model" } }), "no model");
  assertEquals(error({ api: "openai", body: { error: { message: "no quota" } } }), "no quota");
  assertEquals(
    error({ api: "cog", body: { status: "canceled" } }),
    '{"status":"canceled"}',
  );
  // Whatever else a model returns is no failure.
  assertEquals(verdict({ body: { error: "of measurement", status: "failed" } }), {
    type: "ok",
    ok: '{"error":"of measurement","status":"failed"}',
  });
  assertEquals(verdict({ api: "oip", body: { error: null, outputs: [] } }), {
    type: "ok",
    ok: '{"error":null,"outputs":[]}',
  });
});

Deno.test("answers: one that comes before the work is done is a failure", () => {
  assertStringIncludes(error({ status: 202, body: {} }), "answered 202 before it was done");
  assertStringIncludes(
    error({ api: "runpod", body: { status: "IN_PROGRESS", id: "1" } }),
    'answered "IN_PROGRESS" before it was done',
  );
});

Deno.test("answers: a redirect is a failure that says where to", () => {
  assertEquals(
    error({ status: 307, headers: { location: "http://h/predict/" } }),
    'The server answered 307, a redirect to "http://h/predict/". Redirects are not followed: ' +
      "set url to where it takes commands",
  );
});

Deno.test("answers: a server that has no room says so, and the command may be sent again", () => {
  const busy: Given[] = [
    { status: 429 },
    { api: "cog", status: 409 },
    { status: 503, headers: { "retry-after": "1" } },
    { status: 503, body: { detail: "No workers available" } },
    { status: 503, body: "All slots are in use" },
    { status: 409, body: { error: "Already running a prediction" } },
    { status: 503, body: "The model is loading" },
    { api: "cog", status: 503, body: { error: "Setup has not finished yet.", status: "failed" } },
  ];
  for (const given of busy) assertEquals(verdict(given).type, "busy", JSON.stringify(given));
});

Deno.test("answers: a status of that kind that says nothing of the kind may come after some work", () => {
  const failed: Given[] = [
    { status: 409, body: { error: "version conflict" } },
    { status: 503 },
    { status: 500, body: "busy" },
  ];
  for (const given of failed) assertEquals(verdict(given).type, "failed", JSON.stringify(given));
});

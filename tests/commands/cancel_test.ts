import { assertEquals } from "@std/assert";
import { noSuchWorkload, readCancel } from "../../src/commands/cancel.ts";
import { holdSecret } from "../../src/log.ts";
import { ObjectText } from "../../src/protocol/object_text.ts";

function read(params: unknown) {
  return readCancel(ObjectText.parse(JSON.stringify(params))!);
}

const MISSING = "Cancel needs params with a pid (number) or a workload_request_id (string)";
const invalidSignal = (signal: string) =>
  `Invalid signal: ${signal}. Must be SIGTERM, SIGKILL, or SIGINT`;

const REQUESTS: [params: Record<string, unknown>, request: ReturnType<typeof readCancel>][] = [
  [{ pid: 7 }, { target: { pid: 7 }, signal: "SIGTERM" }],
  [{ pid: 7, signal: "SIGKILL" }, { target: { pid: 7 }, signal: "SIGKILL" }],
  [{ workload_request_id: "r1" }, { target: { requestId: "r1" }, signal: "SIGTERM" }],
  [
    { workload_request_id: "r1", signal: "SIGINT" },
    { target: { requestId: "r1" }, signal: "SIGINT" },
  ],
  [
    { pid: null, workload_request_id: "r1", signal: null },
    { target: { requestId: "r1" }, signal: "SIGTERM" },
  ],
  [{ pid: 7, workload_request_id: "r1" }, { target: { pid: 7 }, signal: "SIGTERM" }],
  [{}, { error: MISSING }],
  [{ pid: "7" }, { error: MISSING }],
  [{ workload_request_id: 7 }, { error: MISSING }],
  [{ pid: 7, signal: "SIGHUP" }, { error: invalidSignal("SIGHUP") }],
  [{ pid: 7, signal: "TERM" }, { error: invalidSignal("TERM") }],
  [{ pid: 7, signal: "sigterm" }, { error: invalidSignal("sigterm") }],
  [{ pid: 7, signal: 9 }, { error: invalidSignal("a number") }],
  [{ pid: 7, signal: ["SIGTERM"] }, { error: invalidSignal("an array") }],
  [{ pid: 7, signal: "" }, { error: invalidSignal("") }],
];

for (const [params, request] of REQUESTS) {
  Deno.test(`cancel: ${JSON.stringify(params)}`, () => assertEquals(read(params), request));
}

Deno.test("cancel: nothing to cancel, in the platform's words", () => {
  assertEquals(noSuchWorkload({ pid: 7 }), "No active workload found with PID 7");
  assertEquals(
    noSuchWorkload({ requestId: "r1" }),
    "No active workload found with request_id r1",
  );
});

Deno.test("cancel: a token in the place of something else is not repeated", () => {
  const release = holdSecret("wt-cancelled");
  assertEquals(read({ pid: 7, signal: "wt-cancelled" }), { error: invalidSignal("***") });
  assertEquals(noSuchWorkload({ requestId: "wt-cancelled" }).includes("wt-"), false);
  release();
});

import { assertEquals } from "@std/assert";
import {
  headersOfVariables,
  readTraceContext,
  traceHeaders,
  traceVariables,
} from "../../src/protocol/trace_context.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const PARENT = `00-${TRACE}-${SPAN}-01`;

Deno.test("a trace context is read as the standard says, and anything else is none", () => {
  const valid: [unknown, boolean][] = [
    [PARENT, true],
    [`00-${TRACE}-${SPAN}-00`, false],
    [`00-${TRACE}-${SPAN}-03`, true],
    // A later version may say more.
    [`01-${TRACE}-${SPAN}-01`, true],
    [`cc-${TRACE}-${SPAN}-01-what-ever`, true],
  ];
  for (const [traceparent, isSampled] of valid) {
    assertEquals(readTraceContext({ traceparent }), { traceId: TRACE, spanId: SPAN, isSampled });
  }
  const invalid: unknown[] = [
    undefined,
    "",
    7,
    [PARENT, PARENT],
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-1`,
    `${PARENT}\n`,
    ` ${PARENT}`,
    "00-'; rm -rf /-b7ad6b7169203331-01",
  ];
  for (const traceparent of invalid) {
    assertEquals(readTraceContext({ traceparent }), undefined, String(traceparent));
  }
  assertEquals(readTraceContext(undefined), undefined);
});

Deno.test("a trace state is passed on as it came; one that is damaged or too long is dropped", () => {
  const table: [unknown, string | undefined][] = [
    ["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"],
    [["a=1", "b=2"], "a=1,b=2"],
    ["a=1, ,b=2", "a=1,b=2"],
    [`a=${"x".repeat(510)}`, `a=${"x".repeat(510)}`],
    [`a=${"x".repeat(511)}`, undefined],
    ["a=1\nb", undefined],
    ["a", undefined],
    ["a=ü", undefined],
    ["", undefined],
    [7, undefined],
    [undefined, undefined],
  ];
  for (const [tracestate, state] of table) {
    const read = readTraceContext({ traceparent: PARENT, tracestate });
    assertEquals(read?.state, state, String(tracestate));
    assertEquals(read?.traceId, TRACE);
  }
});

Deno.test("what is handed on says the same as headers and as variables", () => {
  const context = { traceId: TRACE, spanId: SPAN, isSampled: true, state: "a=1" };
  assertEquals(traceHeaders(context), { traceparent: PARENT, tracestate: "a=1" });
  const env = traceVariables(context);
  assertEquals(env, { TRACEPARENT: PARENT, TRACESTATE: "a=1" });
  assertEquals(headersOfVariables(env), { traceparent: PARENT, tracestate: "a=1" });
  assertEquals(headersOfVariables({}), undefined);
  const unsampled = { traceId: TRACE, spanId: SPAN, isSampled: false };
  assertEquals(traceVariables(unsampled), { TRACEPARENT: `00-${TRACE}-${SPAN}-00` });
});

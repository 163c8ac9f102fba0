import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  cancelLine,
  idOfUnreadable,
  readLine,
  requestLine,
  type WorkerMessage,
} from "../../../src/executors/worker/protocol.ts";

const NOTHING = {
  requestId: undefined,
  resultsFolder: undefined,
  token: undefined,
  trace: undefined,
};

Deno.test("a request is one line, whatever its params look like", () => {
  const params = { json: '{\n  "text": "a\\nb"\r\n}' };
  const line = requestLine({ id: "c1", method: "inference", params, ...NOTHING });
  assertEquals(line.split("\n").length, 2);
  assertEquals(JSON.parse(line), {
    jsonrpc: "2.0",
    id: "c1",
    method: "inference",
    params: { text: "a\nb" },
  });
});

Deno.test("a request names the file of its params, and what belongs to the command", () => {
  const line = requestLine({
    id: "c1",
    method: "training",
    params: { file: "/w/params.json" },
    requestId: "r1",
    resultsFolder: "/r",
    token: "t",
    trace: { traceparent: "00-1-2-01", tracestate: "a=b" },
  });
  assertEquals(JSON.parse(line), {
    jsonrpc: "2.0",
    id: "c1",
    method: "training",
    params_file: "/w/params.json",
    request_id: "r1",
    results_folder: "/r",
    token: "t",
    _meta: { traceparent: "00-1-2-01", tracestate: "a=b" },
  });
});

Deno.test("a cancel is a notification that names the request", () => {
  assertEquals(JSON.parse(cancelLine("c1", "SIGTERM")), {
    jsonrpc: "2.0",
    method: "notifications/cancelled",
    params: { requestId: "c1", reason: "SIGTERM" },
  });
});

const LINES: [line: string, message: WorkerMessage | undefined, log: string][] = [
  ["loading 10%", undefined, "loading 10%"],
  ['{"a": 1}', undefined, '{"a": 1}'],
  ['{"jsonrpc":"2.0","method":"ready"}', { type: "ready", concurrency: undefined }, ""],
  ['{"jsonrpc":"2.0","method":"ready","params":{"concurrency":4}}', {
    type: "ready",
    concurrency: 4,
  }, ""],
  ['{"jsonrpc":"2.0","id":"c1","result":"text"}', { type: "result", id: "c1", output: "text" }, ""],
  ['{"jsonrpc":"2.0","id":"c1","result":null}', { type: "result", id: "c1", output: "null" }, ""],
  [
    '50%{"id":"c1","result":[1],"jsonrpc":"2.0"}',
    { type: "result", id: "c1", output: "[1]" },
    "50%",
  ],
  [
    '{"id": {"id":"c1","result":[1],"jsonrpc":"2.0"}',
    { type: "result", id: "c1", output: "[1]" },
    '{"id": ',
  ],
  [
    '{"jsonrpc":"2.0","id":"c1","result_file":"/a"}',
    { type: "result_file", id: "c1", path: "/a" },
    "",
  ],
  ['{"jsonrpc":"2.0","id":"c1","error":{"code":-1,"message":"bad"}}', {
    type: "error",
    id: "c1",
    error: "bad",
  }, ""],
  ['{"jsonrpc":"2.0","id":"c1","error":{"code":-1}}', {
    type: "error",
    id: "c1",
    error: '{"code":-1}',
  }, ""],
  ['{"jsonrpc":"2.0","id":"c1","error":"bad"}', { type: "error", id: "c1", error: "bad" }, ""],
  ['{"jsonrpc":"2.0","id":"c1","result":null,"error":{"message":"bad"}}', {
    type: "error",
    id: "c1",
    error: "bad",
  }, ""],
  ['{"jsonrpc":"2.0","id":"c1","result":1,"error":null}', {
    type: "result",
    id: "c1",
    output: "1",
  }, ""],
  ['{"jsonrpc":"2.0","method":"ready","params":{"concurrency":0}}', {
    type: "ready",
    concurrency: undefined,
  }, ""],
  ['{"jsonrpc":"2.0","method":"ready","params":{"concurrency":-2}}', {
    type: "ready",
    concurrency: undefined,
  }, ""],
  // What two threads print at once.
  ['{"jsonrpc":"2.0","id":"c1","result":"a}\\"{"}done', {
    type: "result",
    id: "c1",
    output: 'a}"{',
  }, "done"],
  ['{"jsonrpc":"2.0","id":"c1"}', {
    type: "error",
    id: "c1",
    error: 'The worker\'s answer has neither "result" nor "error"',
  }, ""],
];

// Lines that look like a response and are none.
for (
  const line of [
    '{"jsonrpc":"2.0","id":"c1","result":"the beginning of a respo...',
    'sent {"jsonrpc":"2.0","id":"c1","result":NaN}',
    '{"jsonrpc":"2.0","id":"c1","method":"inference","params":{"result":NaN}}',
    '{"said":{"jsonrpc":"2.0","id":"c1","result":1}}',
    '{"id":"c1","result":NaN}',
  ]
) LINES.push([line, undefined, line]);

for (const [line, message, log] of LINES) {
  Deno.test(`a worker's line: ${line}`, () => {
    assertEquals(readLine(line), { messages: message === undefined ? [] : [message], log });
  });
}

Deno.test("each message on a line is read, with what stands before, between and behind them", () => {
  const answer = (id: string) => `{"jsonrpc":"2.0","id":"${id}","result":"{"}`;
  for (
    const [line, ids, log] of [
      [answer("c1") + answer("c2"), ["c1", "c2"], ""],
      [`${answer("c1")} ${answer("c2")}`, ["c1", "c2"], " "],
      [`5%${answer("c1")}${answer("c2")}`, ["c1", "c2"], "5%"],
      [`${answer("c1")}6%${answer("c2")}`, ["c1", "c2"], "6%"],
    ] as const
  ) {
    const read = readLine(line);
    assertEquals(read.messages.map((message) => "id" in message && message.id), [...ids], line);
    assertEquals(read.log, log, line);
  }
});

Deno.test("a long line that looks like many messages and is none costs little", () => {
  const line = '{"id":'.repeat(100_000);
  assertEquals(readLine(line), { messages: [], log: line });
});

Deno.test("a response that is no JSON is an error of its command, since no other will come", () => {
  for (
    const line of [
      '{"jsonrpc": "2.0", "id": "c1", "result": {"loss": NaN}}',
      '{"id": "c1", "result": [Infinity], "jsonrpc": "2.0"}\r',
      '{"jsonrpc": "2.0", "result": {"id": "c2", "loss": NaN}, "id": "c1"}',
      '{"result": NaN, "id": "c1", "jsonrpc": "2.0"}',
    ]
  ) {
    const { messages: [message], log } = readLine(line);
    assert(message?.type === "error");
    assertEquals([message.id, log], ["c1", line]);
    assertStringIncludes(message.error, "not valid JSON: NaN");
  }
});

Deno.test("the id of an answer that is too long is in its beginning, or at its end", () => {
  assertEquals(idOfUnreadable('{"jsonrpc": "2.0", "id": "c1", "result": "xxx [...] x"}'), "c1");
  assertEquals(idOfUnreadable('{"jsonrpc": "2.0", "result": "xxx [...] x", "id": "c1"}\r'), "c1");
  assertEquals(idOfUnreadable('{"result": {"id": "c2", "a": [...] x}, "id": "c1"}'), "c1");
  assertEquals(
    idOfUnreadable('{"method": "x", "params": {"id": "c1", "result": [...] 1}}'),
    undefined,
  );
  assertEquals(idOfUnreadable("xxx"), undefined);
});

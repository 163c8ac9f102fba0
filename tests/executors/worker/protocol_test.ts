import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  cancelLine,
  idIn,
  readLine,
  requestLine,
  type WorkerLine,
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

const LINES: [line: string, read: WorkerLine][] = [
  ["loading 10%", { log: "loading 10%" }],
  ['{"a": 1}', { log: '{"a": 1}' }],
  ['{"jsonrpc":"2.0","method":"ready"}', {
    message: { type: "ready", concurrency: undefined },
    log: "",
  }],
  ['{"jsonrpc":"2.0","method":"ready","params":{"concurrency":4}}', {
    message: { type: "ready", concurrency: 4 },
    log: "",
  }],
  ['{"jsonrpc":"2.0","id":"c1","result":"text"}', {
    message: { type: "result", id: "c1", output: "text" },
    log: "",
  }],
  ['{"jsonrpc":"2.0","id":"c1","result":null}', {
    message: { type: "result", id: "c1", output: "null" },
    log: "",
  }],
  ['50%{"id":"c1","result":[1],"jsonrpc":"2.0"}', {
    message: { type: "result", id: "c1", output: "[1]" },
    log: "50%",
  }],
  ['{"id": {"id":"c1","result":[1],"jsonrpc":"2.0"}', {
    message: { type: "result", id: "c1", output: "[1]" },
    log: '{"id": ',
  }],
  ['{"jsonrpc":"2.0","id":"c1","result_file":"/a"}', {
    message: { type: "result_file", id: "c1", path: "/a" },
    log: "",
  }],
  ['{"jsonrpc":"2.0","id":"c1","error":{"code":-1,"message":"bad"}}', {
    message: { type: "error", id: "c1", error: "bad" },
    log: "",
  }],
  ['{"jsonrpc":"2.0","id":"c1","error":{"code":-1}}', {
    message: { type: "error", id: "c1", error: '{"code":-1}' },
    log: "",
  }],
  ['{"jsonrpc":"2.0","id":"c1"}', {
    message: { type: "error", id: "c1", error: "null" },
    log: "",
  }],
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
) LINES.push([line, { log: line }]);

for (const [line, read] of LINES) {
  Deno.test(`a worker's line: ${line}`, () => assertEquals(readLine(line), read));
}

Deno.test("a response that is no JSON is an error of its command, since no other will come", () => {
  for (
    const line of [
      '{"jsonrpc": "2.0", "id": "c1", "result": {"loss": NaN}}',
      '{"id": "c1", "result": [Infinity], "jsonrpc": "2.0"}\r',
    ]
  ) {
    const { message, log } = readLine(line);
    assert(message?.type === "error");
    assertEquals([message.id, log], ["c1", line]);
    assertStringIncludes(message.error, "not valid JSON: NaN");
  }
});

Deno.test("the id of an answer that is too long is in its beginning", () => {
  assertEquals(idIn('{"jsonrpc": "2.0", "id": "c1", "result": "xxx'), "c1");
  assertEquals(idIn("xxx"), undefined);
});

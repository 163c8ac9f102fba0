import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { decodeCommand, type Decoded, type DecodedCommand } from "../../src/protocol/decode.ts";

interface PlainCommand extends Omit<DecodedCommand, "params"> {
  readonly params: string;
}

const LIMIT = 1024 * 1024;

function decode(payload: string | Uint8Array, limit = LIMIT): Decoded {
  return decodeCommand(
    typeof payload === "string" ? new TextEncoder().encode(payload) : payload,
    limit,
  );
}

/** The command that `payload` is, with its params as text. */
function command(payload: string): PlainCommand {
  const decoded = decode(payload);
  assert(decoded.type === "command", Deno.inspect(decoded));
  return { ...decoded.command, params: decoded.command.params.text };
}

function tokens(payload: string): readonly string[] {
  const decoded = decode(payload);
  assert(decoded.type === "command", Deno.inspect(decoded));
  return decoded.tokens;
}

function invalid(payload: string | Uint8Array, limit?: number) {
  const decoded = decode(payload, limit);
  assert(decoded.type === "invalid", Deno.inspect(decoded));
  return decoded;
}

Deno.test("a command has a name, a request id and params", () => {
  assertEquals(command('{"command":"inference","request_id":"r1","params":{"model":"m"}}'), {
    name: "inference",
    requestId: "r1",
    params: '{"model":"m"}',
  });
});

Deno.test("params and request id may be missing", () => {
  assertEquals(command('{"command":"status"}'), {
    name: "status",
    requestId: undefined,
    params: "{}",
  });
  assertEquals(command('{"command":"status","request_id":null}').requestId, undefined);
});

Deno.test("fields nobody knows do no harm", () => {
  assertEquals(command('{"command":"status","sent_at":1,"constructor":{},"toString":[]}'), {
    name: "status",
    requestId: undefined,
    params: "{}",
  });
});

Deno.test("a command that nobody knows is still a command, to be answered as unknown", () => {
  assertEquals(command('{"command":"reboot"}').name, "reboot");
  assertEquals(command('{"command":"hasOwnProperty"}').name, "hasOwnProperty");
});

Deno.test("white space and a byte order mark around the JSON are allowed", () => {
  assertEquals(command(' \r\n\t{"command":"status"}\n').name, "status");
  assertEquals(command('\ufeff{"command":"status"}').name, "status");
});

Deno.test("a message with a status is somebody's response, whatever else it holds", () => {
  for (
    const message of [
      '{"status":"ok","request_id":"r1","output":""}',
      '{"status":null}',
      '{"command":"inference","request_id":"r1","status":"error"}',
      '{"request_id":7,"status":"ok"}',
    ]
  ) assertEquals(decode(message), { type: "response" });
});

Deno.test("a status inside the params makes no response of a command", () => {
  assertEquals(command('{"command":"inference","params":{"status":"x"}}').name, "inference");
});

const MALFORMED: [payload: string, reason: string, requestId?: string][] = [
  ["", "is not JSON"],
  ["   ", "is not JSON"],
  ["hello", "is not JSON"],
  ["{'command': 'status'}", "is not JSON"],
  ['{"command":"status"}{"command":"status"}', "is not JSON"],
  ['{"command":"status",}', "is not JSON"],
  ['{"command":NaN}', "is not JSON"],
  ['{"request_id":"r1","command":"inference","params":{', "is not JSON", "r1"],
  ['{"params":{"request_id":"inner"},"request_id":"r1","command":"x"', "is not JSON", "r1"],
  ['{"params":{"request_id":"inner"},"command":"x"', "is not JSON"],
  ['{"note":"request_id","command":"x"', "is not JSON"],
  ['{"note":"\\"request_id\\":\\"forged\\"","command":"x"', "is not JSON"],
  ['{"request_id":"r\\u0031\\n","command":', "is not JSON", "r1\n"],
  ['{"request_id":"r1', "is not JSON"],
  ['{"request_id":7,"command":', "is not JSON"],
  ["null", "must be a JSON object, got null"],
  ["true", "must be a JSON object, got a boolean"],
  ["7", "must be a JSON object, got a number"],
  ["1.0", "must be a JSON object, got a number"],
  ['"status"', "must be a JSON object, got a string"],
  ['[{"command":"status"}]', "must be a JSON object, got an array"],
  ["{}", 'has no "command"'],
  ['{"request_id":"r1"}', 'has no "command"', "r1"],
  ['{"__proto__":{"command":"status"},"request_id":"r1"}', 'has no "command"', "r1"],
  ['{"command":null,"request_id":"r1"}', 'has a "command" that is null, not a name', "r1"],
  ['{"command":"","request_id":"r1"}', 'has an empty "command"', "r1"],
  [
    '{"command":["status"],"request_id":"r1"}',
    'has a "command" that is an array, not a name',
    "r1",
  ],
  ['{"command":1.0,"request_id":"r1"}', 'has a "command" that is a number, not a name', "r1"],
  ['{"command":"x","request_id":"r1","params":null}', 'has "params" that are null', "r1"],
  ['{"command":"x","request_id":"r1","params":[]}', 'has "params" that are an array', "r1"],
  ['{"command":"x","request_id":"r1","params":"{}"}', 'has "params" that are a string', "r1"],
  ['{"command":"x","request_id":"r1","params":1}', 'has "params" that are a number', "r1"],
  ['{"command":"x","request_id":"r1","params":1.0}', 'has "params" that are a number', "r1"],
  ['{"command":"x","request_id":{"id":"r1"}}', 'has a "request_id" that is an object'],
  ['{"command":"x","request_id":["r1"]}', 'has a "request_id" that is an array'],
  ['{"command":"x","request_id":true}', 'has a "request_id" that is a boolean'],
];

for (const [payload, reason, requestId] of MALFORMED) {
  Deno.test(`malformed: ${payload || "(empty)"}`, () => {
    const decoded = invalid(payload);
    assertStringIncludes(decoded.reason, reason);
    assertEquals(decoded.requestId, requestId);
  });
}

Deno.test("what is not JSON is not repeated, for a token may be in it", () => {
  const message = '{"command":"inference","params":{"cyberwave_workload_token":SECRET"}}';
  for (const cut of [0, 30, 40, 50, 60]) {
    const { reason } = invalid(message.slice(cut));
    assert(!/SEC|RET|token"/.test(reason), reason);
  }
  assertEquals(invalid("SECRET").reason, "is not JSON: unexpected character at position 0");
  assertEquals(invalid('{"command":').reason, "is not JSON: it ends too early");
});

Deno.test("a number as request id is malformed, but can be answered with the same number", () => {
  for (const number of ["7", "-0", "1.0", "12345678901234567890"]) {
    const { reason, requestId } = invalid(`{"command":"status","request_id":${number}}`);
    assertEquals(reason, 'has a "request_id" that is a number, not a string');
    assertEquals(JSON.stringify(requestId), number);
  }
});

Deno.test("a request id of more than 1,000 characters is none, wherever it is read from", () => {
  const id = "i".repeat(1_001);
  assertEquals(command(`{"command":"x","request_id":"${id.slice(1)}"}`).requestId, id.slice(1));
  const tooLong = invalid(`{"command":"x","request_id":"${id}"}`);
  assertStringIncludes(tooLong.reason, "longer than 1000 characters");
  assertEquals(tooLong.requestId, undefined);
  assertEquals(invalid(`{"request_id":"${id}","command":`).requestId, undefined);
});

Deno.test("a message over the limit is refused, and answered when its head tells the id", () => {
  const message = (id: string) =>
    `{"command":"inference",${id}"params":{"x":"${"é".repeat(500)}"}}`;
  const limit = message("").length; // In characters, which is fewer than bytes.
  const named = invalid(message('"request_id":"r1",'), limit);
  assertStringIncludes(named.reason, `more than max_command_size (${limit})`);
  assertEquals(named.requestId, "r1");
  assertEquals(invalid(message(""), limit).requestId, undefined);
});

Deno.test("the limit counts bytes, and a message of exactly that size is taken", () => {
  const payload = new TextEncoder().encode('{"command":"é"}');
  assertEquals(decode(payload, payload.length).type, "command");
  assertEquals(decode(payload, payload.length - 1).type, "invalid");
});

Deno.test("the request id of an oversize message is not searched for beyond its head", () => {
  const late = `{"x":"${"x".repeat(100_000)}","request_id":"r1"}`;
  assertEquals(invalid(late, 1_000).requestId, undefined);
});

Deno.test("200 levels are parameters, 201 are an attack", () => {
  const nested = (levels: number) =>
    `{"command":"x","request_id":"r1","params":${'{"a":'.repeat(levels - 1)}0${
      "}".repeat(levels - 1)
    }}`;
  assertEquals(command(nested(200)).name, "x");
  const decoded = invalid(nested(201));
  assertStringIncludes(decoded.reason, "nested more than 200 levels deep");
  assertEquals(decoded.requestId, "r1");
});

Deno.test("10,000 levels, closed or not, are refused without exhausting the stack", () => {
  for (const [open, close] of [["[", "]"], ['{"a":', "}"]]) {
    const head = '{"request_id":"r1","params":' + open.repeat(10_000);
    for (const message of [head, `${head}0${close.repeat(10_000)}}`]) {
      assertEquals(invalid(message).requestId, "r1");
    }
  }
});

Deno.test("brackets inside strings nest nothing", () => {
  const text = '[{\\"'.repeat(1_000);
  assertEquals(command(`{"command":"x","params":{"a":"${text}"}}`).params, `{"a":"${text}"}`);
});

Deno.test("invalid UTF-8 is refused, and answered when the id can be read", () => {
  const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
  assertEquals(invalid(bytes('{"command":"x","request_id":"r1","params":{"a":"\xff"}}')), {
    type: "invalid",
    reason: "is not valid UTF-8",
    requestId: "r1",
  });
  for (const [name, sequence] of [["overlong /", "\xc0\xaf"], ["surrogate", "\xed\xa0\x80"]]) {
    assertEquals(invalid(bytes(`{"command":"${sequence}"}`)).reason, "is not valid UTF-8", name);
  }
});

const AS_WRITTEN: [what: string, params: string][] = [
  ["numbers", '{"seed":12345678901234567890,"x":1.0,"y":-0,"z":1e400,"t":0.1,"n":1E+2,"i":7}'],
  ["lone surrogates and NUL", '{"lone":"\\ud800","nul":"\\u0000"}'],
  ["keys that look like numbers", '{"b":1,"10":2,"2":3,"a":4}'],
  ["white space", '{ "a" : [ 1 ,\n2 ] }'],
  ["duplicate names", '{"n":1.0,"n":3.0}'],
  ["__proto__", '{"__proto__":{"polluted":1.0},"a":1}'],
];

for (const [what, params] of AS_WRITTEN) {
  Deno.test(`params keep ${what} as they were written`, () => {
    assertEquals(command(`{"command":"x","params":${params}}`).params, params);
  });
}

Deno.test("__proto__ in a message is a name like any other", () => {
  const decoded = decode('{"command":"x","params":{"__proto__":{"polluted":1}}}');
  assert(decoded.type === "command");
  assertEquals(decoded.command.params.get("polluted"), undefined);
  assertEquals(JSON.stringify(decoded.command.params.get("__proto__")), '{"polluted":1}');
  assertEquals(({} as Record<string, unknown>).polluted, undefined);
});

Deno.test("of duplicate names the last one counts", () => {
  const { name, params } = command(
    '{"command":"a","command":"b","params":{"n":1},"params":{"n":2.50}}',
  );
  assertEquals([name, params], ["b", '{"n":2.50}']);
});

Deno.test("the tokens in a message are named, wherever they stand", () => {
  const token = (value: string) => `"cyberwave_workload_token":${value}`;
  const message = `{${token('"top"')},"command":"x","params":{${token('"in params"')},"list":[
    {"deep":{"cyberwave_workload_t\\u006fken":"deep"}},{${token("7")}},{${token('"top"')}}]}}`;
  assertEquals(tokens(message), ["top", "in params", "deep"]);
  assertEquals(tokens('{"command":"cyberwave_workload_token"}'), []);
});

Deno.test("a message with more tokens than a command can need is refused", () => {
  const list = (count: number) =>
    Array.from({ length: count }, (_, i) => `{"cyberwave_workload_token":"t${i}"}`).join(",");
  assertEquals(tokens(`{"command":"x","params":{"a":[${list(10)}]}}`).length, 10);
  const { reason, requestId } = invalid(
    `{"command":"x","request_id":"r1","params":{"a":[${list(11)}]}}`,
  );
  assertEquals([reason, requestId], ["holds more than 10 workload tokens", "r1"]);
});

Deno.test("no reason repeats anything of the message", () => {
  const secret = "wt-0123456789";
  for (
    const message of [
      `{"command":{"cyberwave_workload_token":"${secret}"}}`,
      `{"command":["${secret}"]}`,
      `{"command":"x","request_id":["${secret}"]}`,
      `{"command":"x","request_id":{"cyberwave_workload_token":"${secret}"}}`,
      `{"command":"x","params":"${secret}"}`,
      `{"command":"x","params":["${secret}"]}`,
      `["${secret}"]`,
      `"${secret}"`,
      `${secret}`,
      `{"command":"x","params":{"cyberwave_workload_token":${secret}}}`,
      `{"command":"x","params":{"cyberwave_workload_token":"${secret}`,
      `{"command":"x\\${secret}"}`,
    ]
  ) {
    const decoded = invalid(message);
    assert(!JSON.stringify(decoded).includes(secret), JSON.stringify(decoded));
  }
});

import { assert, assertEquals } from "@std/assert";
import { durationSeconds } from "../../../src/config/values/durations.ts";
import * as values from "../../../src/config/values/values.ts";

type Outcome = { value: unknown } | { problem: string };

function expectEach(
  type: values.ValueType<unknown>,
  cases: readonly (readonly [given: unknown, outcome: Outcome])[],
): void {
  for (const [given, outcome] of cases) {
    assertEquals<Outcome>(type.parse(given), outcome, Deno.inspect(given));
  }
}

function isOne(value: unknown): Outcome {
  return { value };
}

function isNot(expected: string, got: string): Outcome {
  return { problem: `must be ${expected}, got ${got}` };
}

Deno.test("a positive number of seconds", () => {
  const expected = "a positive number of seconds or a duration such as 30s, 5m or 2h";
  expectEach(values.positiveSeconds, [
    [30, isOne(30)],
    ["30", isOne(30)],
    [" 0.25 ", isOne(0.25)],
    [".5", isOne(0.5)],
    ["1e2", isOne(100)],
    ["abc", isNot(expected, '"abc"')],
    ["", isNot(expected, '""')],
    ["30s", isOne(30)],
    ["0s", isNot(expected, '"0s"')],
    ["0x10", isNot(expected, '"0x10"')],
    [0, isNot(expected, "0")],
    ["-1", isNot(expected, '"-1"')],
    [NaN, isNot(expected, "NaN")],
    [Infinity, isNot(expected, "Infinity")],
    ["1e999", isNot(expected, '"1e999"')],
    [true, isNot(expected, "true")],
    [[30], isNot(expected, "[30]")],
    [{}, isNot(expected, "{}")],
  ]);
});

Deno.test("seconds end where timers would overflow and fire at once", () => {
  const expected = "at most 2147483";
  expectEach(values.positiveSeconds, [
    [2_147_483, isOne(2_147_483)],
    [2_147_484, isNot(expected, "2147484")],
  ]);
});

Deno.test("seconds and days that may be zero", () => {
  expectEach(values.seconds, [
    [0, isOne(0)],
    ["-1", isNot("a number of seconds, 0 or more, or a duration such as 30s, 5m or 2h", '"-1"')],
    ["0s", isOne(0)],
  ]);
  expectEach(values.days, [
    ["0.5", isOne(0.5)],
    [-1, isNot("a number of days, 0 or more, or a duration such as 12h or 7d", "-1")],
    ["12h", isOne(0.5)],
    ["7d", isOne(7)],
  ]);
});

Deno.test("durations have units, one after the other", () => {
  const cases: [string, number | undefined][] = [
    ["500ms", 0.5],
    ["30s", 30],
    ["5m", 300],
    ["2h", 7200],
    ["1d", 86_400],
    ["1h30m", 5400],
    ["1.5h", 5400],
    ["1h5m30s20ms", 3930.02],
    ["30", undefined],
    ["5 m", undefined],
    ["5M", undefined],
    ["-5m", undefined],
    ["m", undefined],
    ["5m ", undefined],
    ["1h30", undefined],
    ["5min", undefined],
    ["1s".repeat(1_000_000), undefined],
  ];
  for (const [text, seconds] of cases) {
    const found = durationSeconds(text);
    assertEquals(found === undefined ? found : Math.round(found * 1000) / 1000, seconds, text);
  }
});

Deno.test("counts are whole", () => {
  expectEach(values.positiveCount, [
    ["2", isOne(2)],
    [0, isNot("a positive whole number", "0")],
    [1.5, isNot("a positive whole number", "1.5")],
  ]);
  expectEach(values.count, [
    [0, isOne(0)],
    ["-1", isNot("a whole number, 0 or more", '"-1"')],
  ]);
});

Deno.test("a port", () => {
  const expected = "a port number between 1 and 65535";
  expectEach(values.port, [
    [1883, isOne(1883)],
    ["8883", isOne(8883)],
    [65_535, isOne(65_535)],
    [0, isNot(expected, "0")],
    [65_536, isNot(expected, "65536")],
    ["18.5", isNot(expected, '"18.5"')],
    ["mqtt", isNot(expected, '"mqtt"')],
  ]);
});

Deno.test("a number of bytes", () => {
  const expected = 'a positive number of bytes, such as 4194304 or "4 MiB"';
  expectEach(values.byteSize, [
    [4096, isOne(4096)],
    ["4096", isOne(4096)],
    ["100 B", isOne(100)],
    ["4 MiB", isOne(4 * 2 ** 20)],
    ["4mib", isOne(4 * 2 ** 20)],
    ["1.5 KiB", isOne(1536)],
    ["1 GiB", isOne(2 ** 30)],
    ["500 MB", isOne(500e6)],
    [0, isNot(expected, "0")],
    ["-1 MiB", isNot(expected, '"-1 MiB"')],
    ["4 M", isNot(expected, '"4 M"')],
    ["MiB", isNot(expected, '"MiB"')],
    ["1.2.3", isNot(expected, '"1.2.3"')],
    ["99999999 TiB", isNot(expected, '"99999999 TiB"')],
    [[4096], isNot(expected, "[4096]")],
    [{ MiB: 4 }, isNot(expected, '{"MiB":4}')],
  ]);
});

Deno.test("a number of bytes is shown in the largest unit that keeps it whole", () => {
  assertEquals([1000, 1536, 2 ** 20, 3 * 2 ** 30, 2 ** 40].map(values.byteSize.format), [
    "1000",
    "1536",
    "1 MiB",
    "3 GiB",
    "1 TiB",
  ]);
});

Deno.test("yes or no", () => {
  for (const yes of [true, "true", "TRUE", "yes", "on", "1", 1]) {
    assertEquals(values.boolean.parse(yes), { value: true });
  }
  for (const no of [false, "false", "No", "off", "0", 0]) {
    assertEquals(values.boolean.parse(no), { value: false });
  }
  expectEach(values.boolean, [
    ["maybe", isNot("true or false", '"maybe"')],
    [[true], isNot("true or false", "[true]")],
  ]);
});

Deno.test("one of a few words", () => {
  expectEach(values.oneOf("text", "json"), [
    ["json", isOne("json")],
    ["xml", isNot("text or json", '"xml"')],
    [1, isNot("text or json", "1")],
  ]);
});

Deno.test("text must have been written as text", () => {
  expectEach(values.text, [
    ["node 7", isOne("node 7")],
    [7, isNot("text (put it in quotes)", "7")],
    [true, isNot("text (put it in quotes)", "true")],
    [["a"], isNot("text (put it in quotes)", '["a"]')],
    ["", isNot("one line of text", '""')],
    ["a\nb", isNot("one line of text", '"a\\nb"')],
  ]);
});

Deno.test("an identifier can stand in a topic and a URL", () => {
  assertEquals(values.identifier.parse("my-gpu-node"), { value: "my-gpu-node" });
  for (const hostile of ["", "a+b", "#", "a/b", "a\0b", "..", "a b", "a?b", "x".repeat(201)]) {
    assertEquals("problem" in values.identifier.parse(hostile), true, JSON.stringify(hostile));
  }
  assertEquals(values.identifier.parse(""), { problem: 'must not be empty, got ""' });
});

Deno.test("what a client subscribes to, in which wildcards are whole levels", () => {
  const expected = "a topic to subscribe to, such as $queue/gpu";
  const right = ["$queue/gpu", "$share/gpu/a/+/b/#", "a", "+", "#", "a//b"];
  const wrong = ["", "a#", "a/#/b", "a+/b", "a\0", "a".repeat(1_001)];
  expectEach(values.topicFilter, [
    ...right.map((filter) => [filter, isOne(filter)] as const),
    ...wrong.slice(0, 4).map((filter) => [filter, isNot(expected, `"${filter}"`)] as const),
  ]);
  for (const filter of wrong) assert("problem" in values.topicFilter.parse(filter));
});

Deno.test("an environment's name, which may be empty", () => {
  const expected = "a name without +, # and control characters";
  expectEach(values.environmentName, [
    ["", isOne("")],
    ["dev", isOne("dev")],
    ["a#", isNot(expected, '"a#"')],
    ["+/", isNot(expected, '"+/"')],
    ["a\0", isNot(expected, '"a\\u0000"')],
  ]);
});

Deno.test("a host name or address", () => {
  const expected = "a host name or address, without mqtt:// and port";
  expectEach(values.hostName, [
    ["mqtt.cyberwave.com", isOne("mqtt.cyberwave.com")],
    [" localhost\n", isOne("localhost")],
    ["127.0.0.1", isOne("127.0.0.1")],
    ["::1", isOne("::1")],
    ["[::1]", isOne("::1")],
    ["mqtt_broker", isOne("mqtt_broker")],
    ["müller.local", isOne("müller.local")],
    ["mqtt://x", isNot(expected, '"mqtt://x"')],
    ["x:1883", isNot(expected, '"x:1883"')],
    ["user@x", isNot(expected, '"user@x"')],
    ["-x", isNot(expected, '"-x"')],
    ["", isNot(expected, '""')],
  ]);
});

Deno.test("the URL of a server ends without a slash", () => {
  const expected = "an http:// or https:// URL";
  expectEach(values.httpUrl, [
    ["https://api.cyberwave.com", isOne("https://api.cyberwave.com")],
    ["http://127.0.0.1:8000/", isOne("http://127.0.0.1:8000")],
    ["https://example.com/base//", isOne("https://example.com/base")],
    ["api.cyberwave.com", isNot(expected, '"api.cyberwave.com"')],
    ["ftp://example.com", isNot(expected, '"ftp://example.com"')],
    ["https://example.com?a=1", isNot(expected, '"https://example.com?a=1"')],
    ["https://", isNot(expected, '"https:"')],
    ["https://me:hunter2@example.com", isNot(expected, "one with a user name")],
  ]);
});

Deno.test("a path", () => {
  expectEach(values.path, [
    ["certs/ca.pem", isOne("certs/ca.pem")],
    ["", isNot("a path", '""')],
    ["a\0", isNot("a path", '"a\\u0000"')],
  ]);
});

Deno.test("a shell command", () => {
  expectEach(values.shellCommand, [
    ["pip install x &&\necho done\n", isOne("pip install x &&\necho done\n")],
    [" \n", isNot("a shell command", '" \\n"')],
    ["a\0b", isNot("a shell command", '"a\\u0000b"')],
  ]);
});

Deno.test("a template is a shell command with its placeholders in the right places", () => {
  expectEach(values.template, [
    ["python x.py {body}", isOne("python x.py {body}")],
    ["", isNot("a shell command", '""')],
    ["python x.py '{body}'", {
      problem:
        "must not have {body} inside single quotes, it is quoted already: write python x.py {body}",
    }],
  ]);
});

Deno.test("a token may have white space around it, as files and pipes leave it", () => {
  expectEach(values.token, [["abc123\n", isOne("abc123")]]);
});

Deno.test("tokens and passwords are shown neither in problems nor otherwise", () => {
  expectEach(values.token, [
    ["hunter2 x", { problem: "must be a single word of ASCII characters" }],
    ["hünter2", { problem: "must be a single word of ASCII characters" }],
    [1234567, { problem: "must be text (put it in quotes)" }],
  ]);
  expectEach(values.password, [
    ["pass word", isOne("pass word")],
    ["", { problem: "must not be empty" }],
    [1234567, { problem: "must be text (put it in quotes)" }],
  ]);
  assertEquals(values.token.format("hunter2"), "***");
  assertEquals(values.password.format("hunter2"), "***");
});

import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  addSecret,
  createLogger,
  cutBeforeSecret,
  cutBytesBeforeSecret,
  holdSecret,
  printable,
  redact,
} from "../src/log.ts";

const MODULE = new URL("../src/log.ts", import.meta.url).href;
const CONFIG = new URL("../deno.json", import.meta.url).pathname;

/** A program that may log. */
function program(source: string): string[] {
  const imports = `import { addSecret, createLogger, setupLogging } from "${MODULE}";`;
  const url = `data:text/javascript,${encodeURIComponent(`${imports}\n${source}`)}`;
  return ["run", "--quiet", "--allow-all", `--config=${CONFIG}`, url];
}

/** What a program writes to standard error that logs these lines. */
async function logged(setup: string, ...statements: string[]): Promise<string> {
  const source = [setup, 'const logger = createLogger("part");', ...statements].join("\n");
  const { stderr, stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: program(source),
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stderr);
  assert(success, text);
  assertEquals(stdout.length, 0);
  return text;
}

const text = (verbose = false) =>
  `setupLogging({ format: "text", level: "${verbose ? "debug" : "info"}" });`;
const JSON_FORMAT = 'setupLogging({ format: "json", level: "debug" });';

Deno.test("log lines go to standard error, with time and level, and no colour in a file", async () => {
  const lines = await logged(text(), 'logger.info("hello");', 'logger.error("oh");');
  assertMatch(
    lines,
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(Z|[+-]\d{4}) INFO {2}hello\n[-\d]+ [-+:Z\d]+ ERROR oh\n$/,
  );
});

Deno.test("detail is shown only when asked for", async () => {
  const statements = ['logger.debug("detail");', 'logger.warn("warning");'];
  assert(!(await logged(text(), ...statements)).includes("detail"));
  assert((await logged(text(true), ...statements)).includes("DEBUG detail"));
});

Deno.test("a library that nobody set up logs nothing", async () => {
  const statements = ["debug", "info", "warn", "error"].map((level) => `logger.${level}("hello");`);
  assertEquals(await logged("", ...statements), "");
});

Deno.test("for machines each line is one JSON object", async () => {
  const lines = await logged(JSON_FORMAT, `logger.warn("a\\n\\u001b\\"b");`, 'logger.debug("c");');
  const [first, second, rest] = lines.split("\n");
  const { time, ...warning } = JSON.parse(first);
  assertEquals(new Date(time).toISOString(), time);
  assertEquals(warning, { level: "warn", component: "part", message: 'a\n    \\u001b"b' });
  assertEquals([JSON.parse(second).level, rest], ["debug", ""]);
});

Deno.test("no message can forge a line or move the cursor", async () => {
  const hostile = "x\n2025-01-01 00:00:00.000 ERROR node forged\r\x1b[2J\u202e\u2028\0\x9b31m";
  const lines = await logged(text(), `logger.info(${JSON.stringify(hostile)});`);
  const [first, second, rest] = lines.split("\n");
  assert(first.endsWith(" x") && second.startsWith("    2025-01-01"), lines);
  assert(second.endsWith("forged\\u000d\\u001b[2J\\u202e\\u2028\\u0000\\u009b31m"), second);
  assertEquals(rest, "");
});

Deno.test("what may be printed stays as it is", () => {
  for (const message of ["plain", "tab\there", "é 😀 שלום", ""]) {
    assertEquals(printable(message), message);
  }
});

Deno.test("a secret never appears, whatever form it takes", async () => {
  const secret = 'pass/word "1"+é';
  const lines = await logged(
    `${text(true)} const secret = ${JSON.stringify(secret)}; addSecret(secret);`,
    "logger.info(secret + secret);",
    "logger.error(JSON.stringify({ token: secret }));",
    "logger.debug('https://host/' + encodeURIComponent(secret) + '/x');",
  );
  assert(!/word|pass/.test(lines), lines);
  assertEquals(lines.match(/\*\*\*/g)?.length, 4);
});

Deno.test("of two secrets that begin alike nothing of the longer is left", () => {
  addSecret("alike-1234");
  addSecret("alike-1234-and-more");
  assertEquals(redact("x alike-1234-and-more y alike-1234 z"), "x *** y *** z");
});

Deno.test("what is too short to be a secret blots out no ordinary words", () => {
  addSecret("");
  addSecret("node");
  assertEquals(redact("a node"), "a node");
});

Deno.test("a secret that somebody holds is masked however many others come and go", () => {
  const release = holdSecret("held-for-long");
  for (let i = 0; i < 500; i++) holdSecret(`held-briefly-${i}-`)();
  assertEquals(redact("held-for-long held-briefly-499- held-briefly-400-"), "*** *** ***");
  assertEquals(redact("held-briefly-399-"), "held-briefly-399-");
  release();
  assertEquals(redact("held-for-long"), "***");
});

Deno.test("a secret is held until the last of its holders lets go, once each", () => {
  const [first, second] = [holdSecret("held-by-two"), holdSecret("held-by-two")];
  first();
  first();
  for (let i = 0; i < 100; i++) holdSecret(`held-by-one-${i}-`)();
  assertEquals(redact("held-by-two"), "***");
  second();
  for (let i = 0; i < 100; i++) holdSecret(`held-by-one-${i}-`)();
  assertEquals(redact("held-by-two"), "held-by-two");
});

Deno.test("a secret that is no text is masked in the form in which it is printed", () => {
  addSecret("half \ud83d of it");
  assertEquals(redact("half \ud83d of it / half \ufffd of it"), "*** / ***");
});

Deno.test("text is cut so that what is masked piece by piece is masked as the whole", () => {
  // Some end as they begin, and one begins another.
  const releases = ["cut-1234-c", "cut-1234-cut-1234", "é-line\nbreak"].map(holdSecret);
  const text = "a cut-1234-c cut-1234-cut-1234 cut-1234-cut-1234-c, cut-12 é-line\nbreak\né- c";
  const bytes = new TextEncoder().encode(text);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const end = cutBeforeSecret(text, cut);
    assertEquals(redact(text.slice(0, end)) + redact(text.slice(end)), redact(text));
    const endByte = cutBytesBeforeSecret(bytes, cut);
    const [head, tail] = [bytes.subarray(0, endByte), bytes.subarray(endByte)]
      .map((piece) => new TextDecoder().decode(piece));
    const isBetweenCharacters = head + tail === text;
    if (isBetweenCharacters) assertEquals(redact(head) + redact(tail), redact(text));
  }
  assertEquals(cutBeforeSecret("x cut-12", 8), 2);
  assertEquals(cutBeforeSecret("x cut-1x", 8), 8);
  for (const release of releases) release();
});

Deno.test("a secret that repeats itself moves no cut far", () => {
  const release = holdSecret("------");
  const text = "-".repeat(1_000_000);
  assertEquals(cutBeforeSecret(text, text.length) > text.length - 1_000, true);
  assertEquals(cutBytesBeforeSecret(new TextEncoder().encode(text), 500_000) > 499_000, true);
  release();
});

Deno.test("a component is named in its lines alone", async () => {
  const lines = await logged(JSON_FORMAT, 'createLogger("other").info("a");', 'logger.info("b");');
  const components = lines.trim().split("\n").map((line) => JSON.parse(line).component);
  assertEquals(components, ["other", "part"]);
});

Deno.test("who listens is told each line at info and above as text, also where logging is not set up", () => {
  addSecret("listen-secret");
  const heard: string[] = [];
  const logger = createLogger("part", (line) => heard.push(line));
  logger.debug("detail");
  logger.info("hello listen-secret");
  logger.warn("two\nlines");
  createLogger("other").error("not for this listener");
  assertEquals(heard.map((line) => line.replace(/^\S+ [-+Z\d:]+/, "TIME")), [
    "TIME INFO  hello ***",
    "TIME WARN  two\n    lines",
  ]);
});

Deno.test("nobody who reads standard error is no reason to stop", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: program(`
      ${text()}
      await new Response(Deno.stdin.readable).text();
      for (let i = 0; i < 10; i++) createLogger("part").info("x".repeat(10_000));
      console.log("still here");
    `),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await child.stderr.cancel();
  await child.stdin.close();
  assertEquals(await new Response(child.stdout).text(), "still here\n");
  assertEquals((await child.status).code, 0);
});

Deno.test("lines about a command say which: in brackets for people, in snake case for machines", async () => {
  const line =
    `logger.warn("inference r1 failed", { workloadId: "01kb6z3q4r9bd6js", requestId: "r-hush-hush",
    kind: "inference", pid: 7, exitCode: 1, durationSeconds: 2.5 });`;
  assertMatch(
    await logged(text(), line),
    /^[-\d]+ [-+:Z\d]+ WARN {2}\[9bd6js\] inference r1 failed\n$/,
  );
  const { time: _, ...rest } = JSON.parse(
    await logged(JSON_FORMAT, 'addSecret("hush-hush");', line),
  );
  assertEquals(rest, {
    level: "warn",
    component: "part",
    message: "inference r1 failed",
    request_id: "r-***",
    workload_id: "01kb6z3q4r9bd6js",
    kind: "inference",
    pid: 7,
    exit_code: 1,
    duration_s: 2.5,
  });
});

Deno.test("a program's own logger gets the fields as a second argument, and the short id in the line", () => {
  const calls: unknown[][] = [];
  const take = (...args: unknown[]) => void calls.push(args);
  const logger = createLogger("part", undefined, {
    debug: take,
    info: take,
    warn: take,
    error: take,
  });
  logger.info("plain");
  logger.info("epoch 1", { workloadId: "01kb6z3q4r9bd6js" });
  assertEquals(calls, [
    ["part: plain"],
    ["part: [9bd6js] epoch 1", { workloadId: "01kb6z3q4r9bd6js" }],
  ]);
});

Deno.test("a program's own logger that throws or rejects harms nothing", () => {
  const fail = () => {
    throw new Error("thrown");
  };
  const reject = () => Promise.reject(new Error("rejected"));
  const sink = { debug: fail, info: reject, warn: reject, error: fail };
  const logger = createLogger("part", undefined, sink);
  logger.debug("a");
  logger.info("b");
  logger.warn("c", { kind: "inference" });
});

Deno.test("lines below the level that was chosen are left out", async () => {
  const setup = 'setupLogging({ format: "text", level: "warn" });';
  const lines = await logged(setup, 'logger.info("a");', 'logger.warn("b");', 'logger.error("c");');
  assertEquals(lines.split("\n").map((line) => line.at(-1)), ["b", "c", undefined]);
});

Deno.test("for systemd's journal every line has its priority", async () => {
  const setup = 'setupLogging({ format: "text", level: "debug", toJournal: true });';
  const lines = await logged(
    setup,
    ...["debug", "info", "warn", "error"].map((level) => `logger.${level}("a\\nb");`),
  );
  const priorities = lines.trim().split("\n").map((line) => line.slice(0, 3));
  assertEquals(priorities.join(""), "<7><7><6><6><4><4><3><3>");
});

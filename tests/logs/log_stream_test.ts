import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { holdSecret } from "../../src/log.ts";
import { addSecret } from "../../src/log.ts";
import { Streaming } from "../support/log_platform.ts";

const KiB = 1024;
const LIMIT = 256 * KiB;

Deno.test("what workloads print reaches the platform while they run, in whole lines", async () => {
  await using test = new Streaming();
  test.begin("a");
  test.print("a", "one\ntw");
  test.print("a", "oops\n", "stderr");
  await test.look();
  const path = "/api/v1/cloud-node/u-1/log";
  assertEquals(test.platform.calls, [
    { path, log_type: "stdout", log_content: "one\n" },
    { path, log_type: "stderr", log_content: "oops\n" },
  ]);
  test.print("a", "o\n");
  await test.look();
  assertEquals(test.platform.text(), "one\ntwo\n");
});

Deno.test("no output makes no calls", async () => {
  await using test = new Streaming();
  test.begin("a");
  await test.look();
  await test.look();
  assertEquals(test.platform.attempts, 0);
});

Deno.test("when a workload has ended the rest is sent, and then it is done with", async () => {
  await using test = new Streaming();
  test.begin("a");
  test.print("a", "one\nlast");
  await test.look();
  test.end("a");
  assertEquals(test.unsent(), ["a"]);
  await test.look();
  assertEquals([test.platform.text(), test.unsent()], ["one\nlast\n", []]);
});

Deno.test("what is sent to its end at once leaves no position", async () => {
  await using test = new Streaming();
  await test.looked();
  for (const id of ["a", "b", "c"]) {
    test.begin(id);
    test.print(id, `${id}\n`);
    if (id !== "b") test.end(id);
  }
  await test.look();
  assertEquals(test.unsent(), ["b"]);
  using reader = test.store.reader();
  const rows = reader.prepare("SELECT command_id, stdout FROM log_positions").all();
  assertEquals(rows.map((row) => ({ ...row })), [{ command_id: "b", stdout: 2 }]);
});

Deno.test("characters may be cut anywhere while they are written", async () => {
  await using test = new Streaming();
  test.begin("a");
  for (const byte of new TextEncoder().encode("é€😀\nü\n")) {
    test.print("a", Uint8Array.of(byte));
    await test.look();
  }
  assertEquals(test.platform.text(), "é€😀\nü\n");
});

Deno.test("where output changes hands it says whose it is", async () => {
  await using test = new Streaming();
  test.begin("a");
  test.begin("b");
  test.print("a", "a1\n");
  test.print("b", "b1\n");
  await test.look();
  test.print("b", "b2\n");
  await test.look();
  test.print("a", "a2\n");
  await test.look();
  assertEquals(
    test.platform.text(),
    "a1\n==> inference b <==\nb1\nb2\n==> inference a <==\na2\n",
  );
});

Deno.test("many workloads share calls", async () => {
  await using test = new Streaming();
  await test.looked();
  const ids = Array.from({ length: 250 }, (_, index) => `w${index}`);
  for (const id of ids) {
    test.begin(id);
    test.print(id, `${id}\n`);
    test.end(id);
  }
  await test.look();
  assertEquals(test.platform.attempts, 1);
  const lines = test.platform.text().split("\n").filter((line) => line.startsWith("w"));
  assertEquals([lines, test.unsent()], [ids, []]);
});

Deno.test("one that prints without end does not keep the others from being heard", async () => {
  await using test = new Streaming();
  await test.looked();
  for (const id of ["chatty", "b", "c"]) test.begin(id);
  test.print("chatty", "chatter\n".repeat(LIMIT / 8 * 3));
  test.print("b", "b\n");
  test.print("c", "c\n");
  test.platform.answer = () => {
    test.print("chatty", "chatter\n".repeat(LIMIT / 8));
    if (test.platform.attempts === 4) test.platform.answer = () => Response.json({});
    return Response.json({});
  };
  await test.look();
  const [first, second] = test.platform.calls.map(({ log_content }) => log_content);
  assertEquals(first.length, LIMIT);
  assert(second.startsWith("==> inference b <==\nb\n==> inference c <==\nc\n==> inference chatty"));
  const chatter = test.platform.text().split("\n").filter((line) => line === "chatter");
  assertEquals(chatter.length, LIMIT / 8 * 7);
});

Deno.test("no call carries more than 256 KiB, and a longer line is cut", async () => {
  await using test = new Streaming();
  test.begin("a");
  const line = "0123456789".repeat(60 * KiB);
  test.print("a", `short\n${line}\nshort\n`);
  test.print("a", new Uint8Array(LIMIT).fill(0xff), "stderr");
  test.end("a");
  await test.look();
  for (const { log_content } of test.platform.calls) {
    assert(new TextEncoder().encode(log_content).length <= LIMIT);
  }
  assertEquals(test.platform.text().replaceAll("\n", ""), `short${line}short`);
  assertEquals(test.platform.text("stderr").replaceAll("\n", ""), "\ufffd".repeat(LIMIT));
});

Deno.test("100 MB of output come through, one call at a time, all of it and in order", async () => {
  await using test = new Streaming();
  await test.looked();
  test.begin("a");
  const lines = 1_000_000;
  const lineOf = (number: number) => `${number}`.padEnd(99, ".") + "\n";
  for (let first = 0; first < lines; first += 10_000) {
    test.print("a", Array.from({ length: 10_000 }, (_, index) => lineOf(first + index)).join(""));
  }
  test.end("a");
  let underway = 0;
  let most = 0;
  test.platform.answer = async () => {
    most = Math.max(most, ++underway);
    await Promise.resolve();
    underway--;
    return Response.json({ success: true });
  };
  await test.look();
  let next = 0;
  for (const { log_content } of test.platform.calls) {
    assert(log_content.length <= LIMIT);
    for (const line of log_content.trimEnd().split("\n")) {
      if (`${line}\n` !== lineOf(next++)) assertEquals(`${line}\n`, lineOf(next - 1));
    }
  }
  assertEquals([next, most, test.unsent()], [lines, 1, []]);
});

Deno.test("secrets are masked", async () => {
  await using test = new Streaming();
  addSecret("hunter2-hunter2");
  test.begin("a");
  test.print("a", "token=hunter2-hunter2!\n");
  await test.look();
  assertEquals(test.platform.text(), "token=***!\n");
});

Deno.test("the node's own lines are sent as the system's", async () => {
  await using test = new Streaming();
  test.lines.add("hello");
  test.lines.add("again");
  await test.look();
  assertEquals(test.platform.text("system"), "hello\nagain\n");
});

Deno.test("output that cannot be read is reported once, and keeps nobody else's from being sent", async () => {
  await using test = new Streaming();
  for (const id of ["directory", "loop", "fine"]) test.begin(id);
  Deno.mkdirSync(`${test.folderOf("directory")}/stdout.log`);
  Deno.symlinkSync("stdout.log", `${test.folderOf("loop")}/stdout.log`);
  test.print("fine", "fine\n");
  await test.look();
  await test.look();
  assertEquals(test.platform.text(), "fine\n");
  assertEquals(
    test.logger.shown,
    ["directory", "loop"].map((id) =>
      `warn: Cannot read the output in "${test.folderOf(id)}/stdout.log": it is not a regular file`
    ),
  );
});

Deno.test("a secret that is printed in two parts, between which the log was sent, never leaks", async () => {
  const secret = "tok3n-of-a-workload";
  const release = holdSecret(secret);
  try {
    await using test = new Streaming();
    test.begin("a");
    // A line too long for one call, cut in the middle of the secret.
    test.print("a", "x".repeat(256 * 1024 - 7) + secret.slice(0, 6));
    await test.look();
    test.print("a", `${secret.slice(6)} end\n`);
    await test.look();
    const text = test.platform.text();
    assert(text.endsWith("*** end\n"), text.slice(-40));
    assert(!text.includes(secret.slice(0, 6)) && !text.includes(secret.slice(6)));
  } finally {
    release();
  }
});

Deno.test("what is to be sent now does not wait for the interval", async () => {
  await using test = new Streaming();
  await test.looked();
  test.begin("a");
  test.print("a", "last\n");
  assert(await test.stream.send(AbortSignal.timeout(10_000)));
  assertEquals(test.platform.text(), "last\n");
});

Deno.test("a stream that does not run sends nothing, and says so at once", async () => {
  await using test = new Streaming();
  await test.crash();
  assertEquals(await test.stream.send(new AbortController().signal), false);
});

Deno.test("removed output counts by how much of it was not sent", async () => {
  await using test = new Streaming();
  test.begin("a");
  test.print("a", "sent\n");
  await test.look();
  test.print("a", "12345");
  test.print("a", "123", "stderr");
  assertEquals(test.stream.unsentBytes("a"), 8);
  test.end("a");
  Deno.removeSync(test.folderOf("a"), { recursive: true });
  await test.look();
  assertEquals([test.stream.unsentBytes("a"), test.unsent()], [0, []]);
  assertStringIncludes(test.platform.text(), "sent\n");
});

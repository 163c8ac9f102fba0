import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { JOURNAL_FILE } from "../../src/journal/database_file.ts";
import { INTERVAL_MS, Streaming } from "../support/log_platform.ts";

const down = () => Response.json({ message: "down" }, { status: 503 });
const up = () => Response.json({ success: true });

Deno.test("while the backend is away nothing is lost, and nothing comes twice", async () => {
  await using test = new Streaming();
  test.begin("a");
  test.print("a", "one\n");
  await test.look();
  test.platform.answer = down;
  test.print("a", "two\n");
  await test.look();
  test.print("a", "three\n");
  test.print("a", "oops\n", "stderr");
  test.end("a");
  await test.look();
  test.platform.answer = up;
  await test.look();
  assertEquals(test.platform.text(), "one\ntwo\nthree\n");
  assertEquals([test.platform.text("stderr"), test.unsent()], ["oops\n", []]);
});

Deno.test("an outage is told once, and so is its end; neither is sent", async () => {
  await using test = new Streaming();
  await test.looked();
  test.begin("a");
  test.print("a", "one\n");
  test.platform.answer = down;
  for (let time = 0; time < 4; time++) await test.look();
  test.platform.answer = up;
  await test.look();
  await test.look();
  assertEquals(test.logger.shown.map((line) => line.replace(/http:\S+/, "URL")), [
    "warn: Cannot send logs to the platform: POST URL " +
    'answered 503: "down"; retrying',
    "info: The platform accepts logs again",
  ]);
  assertEquals(test.platform.text("system"), "");
});

Deno.test("the tries come at longer and longer intervals", async () => {
  await using test = new Streaming();
  await test.looked();
  test.begin("a");
  test.print("a", "one\n");
  test.platform.answer = down;
  for (let time = 0; time < 10; time++) {
    await test.look();
    const wait = await test.clock.sleeping();
    assert(wait >= INTERVAL_MS && wait <= INTERVAL_MS + Math.min(30_000, 1_000 * 2 ** time));
  }
  assertEquals(test.platform.attempts, 10);
});

for (const status of [400, 401, 404, 429, 500]) {
  Deno.test(`the answer ${status} means later`, async () => {
    await using test = new Streaming();
    await test.looked();
    test.platform.answer = () => Response.json({ message: "no" }, { status });
    test.begin("a");
    test.print("a", "one\n");
    test.lines.add("hello");
    await test.look();
    test.platform.answer = up;
    await test.look();
    assertEquals([test.platform.text(), test.platform.text("system")], ["one\n", "hello\n"]);
  });
}

for (const status of [413, 422]) {
  Deno.test(`what is refused with ${status} is dropped, with a count, and holds up nothing`, async () => {
    await using test = new Streaming();
    await test.looked();
    test.begin("a");
    test.print("a", "bad\n");
    test.platform.answer = () => {
      test.platform.answer = up;
      return Response.json({ message: "no" }, { status });
    };
    await test.look();
    test.print("a", "good\n");
    await test.look();
    assertEquals(test.platform.text(), "good\n");
    assert(test.logger.shown[0].endsWith('"no"; it is dropped'));
    assertEquals(
      test.logger.shown[1],
      "info: The platform accepts logs again; it refused 4 bytes for good",
    );
  });
}

Deno.test("what is too large for one call comes in smaller ones, all of it", async () => {
  await using test = new Streaming();
  await test.looked();
  const largest = 100 * 1024;
  test.platform.answer = (content) =>
    content.length > largest ? Response.json({}, { status: 413 }) : up();
  test.begin("a");
  const output = Array.from({ length: 50_000 }, (_, number) => `output ${number}\n`).join("");
  const lines = Array.from({ length: 900 }, (_, number) => `${number}`.padEnd(300, "."));
  test.print("a", output);
  for (const line of lines) test.lines.add(line);
  await test.look();
  assertEquals(test.platform.text(), output);
  assertEquals(test.platform.text("system"), lines.map((line) => `${line}\n`).join(""));
  assertEquals(test.logger.shown, []);
});

Deno.test("of the node's own lines the latest are kept, and the dropped ones counted", async () => {
  await using test = new Streaming({ maxLines: 3 });
  await test.looked();
  test.platform.answer = down;
  for (let number = 0; number < 3; number++) test.lines.add(`line ${number}`);
  await test.look();
  for (let number = 3; number < 10; number++) test.lines.add(`line ${number}`);
  test.platform.answer = up;
  await test.look();
  assertEquals(
    test.platform.text("system"),
    "line 0\nline 1\nline 2\n[4 lines dropped]\nline 7\nline 8\nline 9\n",
  );
});

Deno.test("a restart goes on where the earlier node stood", async () => {
  await using test = new Streaming();
  test.begin("a");
  test.begin("b");
  test.begin("c");
  test.print("a", "a1\na");
  test.print("b", "b1\n");
  test.end("b");
  await test.look();
  test.platform.answer = down;
  test.print("a", "2\n");
  test.print("c", "c1");
  await test.look();
  await test.crash();
  test.print("a", "a3\n");
  test.end("c");
  test.platform.answer = up;
  await test.restart();
  await test.looked();
  const lines = test.platform.text().split("\n").filter((line) => !line.startsWith("==>"));
  assertEquals(lines, ["a1", "b1", "a2", "a3", "c1", ""]);
  assertEquals(test.unsent(), ["a"]);
});

Deno.test("a full disk keeps nothing from being sent, and makes nothing come twice while the node lives", async () => {
  await using test = new Streaming();
  test.begin("a");
  test.print("a", "one\n");
  await test.look();
  using database = new DatabaseSync(`${test.store.folder}/${JOURNAL_FILE}`);
  database.exec(
    `CREATE TRIGGER full_disk BEFORE UPDATE ON log_positions BEGIN
       SELECT RAISE(ROLLBACK, 'database or disk is full'); END`,
  );
  for (const line of ["two\n", "three\n"]) {
    test.print("a", line);
    await test.look();
  }
  assertEquals(test.platform.text(), "one\ntwo\nthree\n");
  assertEquals(test.logger.shown, [
    "warn: Cannot store how much output was sent: database or disk is full; retrying with each batch",
  ]);
  database.exec("DROP TRIGGER full_disk");
  test.print("a", "four\n");
  await test.look();
  await test.restart();
  await test.looked();
  assertEquals(test.platform.text(), "one\ntwo\nthree\nfour\n");
});

Deno.test("draining tries until all is sent", async () => {
  await using test = new Streaming();
  await test.looked();
  test.begin("a");
  test.print("a", "one\n");
  const failed = Promise.withResolvers<void>();
  test.platform.answer = () => {
    failed.resolve();
    return down();
  };
  const drained = test.stream.drain(new AbortController().signal);
  await failed.promise;
  test.platform.answer = up;
  // Both the stream and who drains it wait before they try again.
  while (test.platform.calls.length === 0) await test.look();
  await drained;
  assertEquals(test.platform.text(), "one\n");
});

Deno.test("draining gives up when it is told to", async () => {
  await using test = new Streaming();
  await test.looked();
  test.begin("a");
  test.print("a", "one\n");
  const tooLate = new AbortController();
  test.platform.answer = () => {
    tooLate.abort();
    return down();
  };
  await test.stream.drain(tooLate.signal);
  assertEquals(test.unsent(), ["a"]);
});

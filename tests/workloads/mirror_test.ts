import { assertEquals } from "@std/assert";
import { WorkloadFolder } from "../../src/workloads/folder.ts";
import type { JobOutput } from "../../src/log.ts";
import { mirrorOutput } from "../../src/workloads/mirror.ts";
import { Tail } from "../../src/workloads/output.ts";
import { readOutputIndex } from "../../src/workloads/output_index.ts";
import { FakeClock } from "../support/clock.ts";
import { Inbox } from "../support/events.ts";

class Harness implements Disposable {
  readonly folder = new WorkloadFolder(Deno.makeTempDirSync({ prefix: "cloud_node_mirror_" }));
  readonly clock = new FakeClock();
  readonly lines = new Inbox<string>();
  readonly #ended = new AbortController();

  write(stream: "stdout" | "stderr", text: string): void {
    Deno.writeTextFileSync(this.folder.outputFile(stream), text, { append: true });
  }

  mirror(onlyNew = false, jobOutput?: JobOutput): Promise<void> {
    const { clock, folder, lines } = this;
    const options = { clock, ended: this.#ended.signal, onlyNew, jobOutput };
    return mirrorOutput(folder, (line) => lines.push(line), options);
  }

  /** Writes, and lets the mirror look: once, or as often as it does within `ms`. */
  async step(stream: "stdout" | "stderr", text: string, ms?: number): Promise<void> {
    const next = await this.clock.sleeping();
    this.write(stream, text);
    await this.clock.advance(ms ?? next);
  }

  end(): void {
    this.#ended.abort();
  }

  [Symbol.dispose](): void {
    this.folder.remove();
  }
}

Deno.test("output is shown line by line while it is written, and the rest at the end", async () => {
  using test = new Harness();
  const mirrored = test.mirror();
  await test.clock.sleeping();
  test.write("stdout", "one\ntw");
  test.write("stderr", "oops\n");
  await test.clock.advance(250);
  assertEquals([await test.lines.next(), await test.lines.next()], ["one", "oops"]);
  await test.clock.sleeping();
  test.write("stdout", "o\nthree");
  await test.clock.advance(250);
  assertEquals(await test.lines.next(), "two");
  test.end();
  await mirrored;
  assertEquals(test.lines.all, ["one", "oops", "two", "three"]);
});

Deno.test("a workload that wrote nothing, not even a file, shows nothing", async () => {
  using test = new Harness();
  test.end();
  await test.mirror();
  assertEquals(test.lines.all, []);
});

Deno.test("what an earlier node has shown is not shown again", async () => {
  using test = new Harness();
  test.write("stdout", "old\n");
  const mirrored = test.mirror(true);
  test.write("stdout", "new\n");
  test.end();
  await mirrored;
  assertEquals(test.lines.all, ["new"]);
});

Deno.test("of output that nobody could read the latest is shown, and how much is not", async () => {
  using test = new Harness();
  test.write("stdout", "first\n" + "x".repeat(1023).concat("\n").repeat(1_000));
  test.end();
  await test.mirror();
  const [note, ...shown] = test.lines.all;
  const skipped = 6 + 1_000 * 1024 - 64 * 1024;
  const path = test.folder.outputFile("stdout");
  assertEquals(note, `[... ${skipped} bytes are not shown here; all output is in ${path} ...]`);
  assertEquals(shown, Array(64).fill("x".repeat(1023)));
});

Deno.test("of a flood the latest lines are shown once a second, and its end at once", async () => {
  using test = new Harness();
  const mirrored = test.mirror();
  const path = test.folder.outputFile("stdout");
  const note = (bytes: number) =>
    `[... ${bytes} bytes are not shown here; all output is in ${path} ...]`;
  const kibibytes = (letter: string, count: number) => `${letter.repeat(1023)}\n`.repeat(count);
  const shown = () => test.lines.all.splice(0).map((line) => line.replace(/^(.)\1+$/, "$1"));
  await test.step("stdout", kibibytes("a", 100));
  assertEquals(shown(), [note(36 * 1024), ...Array(64).fill("a")]);
  await test.step("stdout", kibibytes("b", 100));
  await test.step("stderr", "W: slow\n");
  assertEquals(shown(), ["W: slow"]);
  await test.clock.advance(1_000);
  assertEquals(shown(), [note(36 * 1024), ...Array(64).fill("b")]);
  await test.step("stdout", kibibytes("c", 10));
  assertEquals(shown(), []);
  test.end();
  await mirrored;
  assertEquals(shown(), Array(10).fill("c"));
  // What waits to be shown has come all the same.
  const sizes = readOutputIndex(test.folder).map(({ stdout }) => stdout / 1024);
  assertEquals(sizes, [100, 200, 200, 210]);
});

Deno.test("output that grows without end holds nothing up", async () => {
  using test = new Harness();
  test.write("stdout", "start\n");
  let shown = 0;
  // Whatever is shown, there is always more.
  const tail = new Tail(test.folder, "stdout", () => {
    shown++;
    test.write("stdout", "more\n");
  });
  await tail.read();
  assertEquals(shown, 1);
  await tail.read();
  assertEquals(shown, 2);
});

Deno.test("a file that was emptied meanwhile is followed quietly", async () => {
  using test = new Harness();
  const lines: string[] = [];
  const tail = new Tail(test.folder, "stdout", (line) => lines.push(line));
  test.write("stdout", "a\nb\n");
  await tail.read();
  Deno.truncateSync(test.folder.outputFile("stdout"));
  await tail.read();
  tail.end();
  assertEquals(lines, ["a", "b"]);
});

Deno.test("both streams are shown in the order in which they came, and noted so", async () => {
  using test = new Harness();
  const mirrored = test.mirror();
  await test.step("stderr", "W: old driver\n");
  await test.step("stdout", "epoch 1\n");
  await test.step("stderr", "W: slow\n");
  await test.step("stdout", "epoch 2\n");
  test.end();
  await mirrored;
  assertEquals(test.lines.all, ["W: old driver", "epoch 1", "W: slow", "epoch 2"]);
  const start = test.clock.epoch;
  assertEquals(
    readOutputIndex(test.folder).map(({ at, ...sizes }) => ({ after: at - start, ...sizes })),
    [
      { after: 20, stdout: 0, stderr: 14 },
      { after: 40, stdout: 8, stderr: 14 },
      { after: 60, stdout: 8, stderr: 22 },
      { after: 80, stdout: 16, stderr: 22 },
    ],
  );
});

Deno.test("a progress bar ends before what is printed right after it", async () => {
  using test = new Harness();
  const mirrored = test.mirror();
  await test.step("stderr", "\r 50%");
  test.write("stderr", "\r100%\n");
  await test.step("stdout", "done\n");
  test.end();
  await mirrored;
  assertEquals(test.lines.all, ["100%", "done"]);
});

Deno.test("a workload that prints all at once leaves no file for its order", async () => {
  using test = new Harness();
  const mirrored = test.mirror();
  await test.step("stdout", "ok\n");
  test.end();
  await mirrored;
  assertEquals(readOutputIndex(test.folder), []);
  assertEquals([...Deno.readDirSync(test.folder.path)].map(({ name }) => name), ["stdout.log"]);
});

Deno.test("a progress bar is shown every ten seconds as it stands, and its end", async () => {
  using test = new Harness();
  const mirrored = test.mirror();
  for (let percent = 1; percent <= 90; percent++) await test.step("stderr", `\r ${percent}%`, 250);
  assertEquals(test.lines.all, [" 41%", " 81%"]);
  await test.step("stderr", "\r100%\n");
  test.end();
  await mirrored;
  assertEquals(test.lines.all, [" 41%", " 81%", "100%"]);
});

Deno.test("a progress bar that stands still is not repeated", async () => {
  using test = new Harness();
  const mirrored = test.mirror();
  await test.step("stderr", "\r 1%");
  for (let i = 0; i < 100; i++) await test.step("stderr", "", 250);
  assertEquals(test.lines.all, [" 1%"]);
  test.end();
  await mirrored;
});

Deno.test("log_job_output: progress shows the latest line every ten seconds and at the end", async () => {
  using test = new Harness();
  const mirrored = test.mirror(false, "progress");
  for (let step = 1; step <= 45; step++) await test.step("stdout", `step ${step}\n`, 250);
  test.end();
  await mirrored;
  assertEquals(test.lines.all, ["step 41", "step 45"]);
});

Deno.test("log_job_output: none shows nothing", async () => {
  using test = new Harness();
  const mirrored = test.mirror(false, "none");
  await test.step("stdout", "a\n");
  await test.step("stderr", "\r 1%", 20_000);
  test.end();
  await mirrored;
  assertEquals(test.lines.all, []);
});

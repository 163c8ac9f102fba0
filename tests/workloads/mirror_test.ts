import { assertEquals } from "@std/assert";
import { WorkloadFolder } from "../../src/workloads/folder.ts";
import { mirrorOutput } from "../../src/workloads/mirror.ts";
import { Tail } from "../../src/workloads/output.ts";
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

  mirror(onlyNew = false): Promise<void> {
    const { clock, folder, lines } = this;
    const ended = this.#ended.signal;
    return mirrorOutput(folder, (line) => lines.push(line), { clock, ended, onlyNew });
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
  const skipped = 6 + 1_000 * 1024 - 256 * 1024;
  const path = test.folder.outputFile("stdout");
  assertEquals(note, `[... ${skipped} bytes are not shown here; all output is in ${path} ...]`);
  assertEquals(shown, Array(256).fill("x".repeat(1023)));
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

import { assert, assertEquals } from "@std/assert";
import { WorkloadFolder } from "../../src/workloads/folder.ts";
import { excerptOf, outputSize, readOutputAt, Tail } from "../../src/workloads/output.ts";

function withFolder(body: (folder: WorkloadFolder) => void): void {
  const path = Deno.makeTempDirSync({ prefix: "cloud_node_folder_" });
  try {
    body(new WorkloadFolder(path));
  } finally {
    new WorkloadFolder(path).remove();
  }
}

function excerpt(output: string | Uint8Array<ArrayBuffer>, maxBytes: number) {
  let found = { text: "", truncated: false };
  withFolder((folder) => {
    const bytes = typeof output === "string" ? new TextEncoder().encode(output) : output;
    Deno.writeFileSync(folder.outputFile("stdout"), bytes);
    found = excerptOf(folder, "stdout", maxBytes);
  });
  return found;
}

Deno.test("output that fits is passed on whole, a byte order mark included", () => {
  for (const output of ["", "a", "\ufeffdata\r\n\0", "é😀".repeat(1_000)]) {
    const { length } = new TextEncoder().encode(output);
    assertEquals(excerpt(output, length), { text: output, truncated: false });
  }
});

Deno.test("of output that does not fit the head and the tail are kept, and the cut is marked", () => {
  assertEquals(excerpt("HEAD" + "-".repeat(100) + "TAIL", 8), {
    text: "HEAD\n[... 100 bytes cut out ...]\nTAIL",
    truncated: true,
  });
});

Deno.test("no cut ever splits a character", () => {
  for (const character of ["é", "€", "😀"]) {
    const output = character.repeat(100);
    for (let maxBytes = 20; maxBytes < 40; maxBytes++) {
      const { text, truncated } = excerpt(output, maxBytes);
      assert(truncated);
      const rest = text.replaceAll(character, "");
      assert(/^\n\[\.\.\. \d+ bytes cut out \.\.\.\]\n$/.test(rest), rest);
    }
  }
});

Deno.test("output that is no text is passed on as well as it can be", () => {
  assertEquals(excerpt(Uint8Array.of(0xff, 0x41, 0xc3), 10).text, "\ufffdA\ufffd");
  const continuation = new Uint8Array(1_000).fill(0x80);
  assertEquals(excerpt(continuation, 100).truncated, true);
});

Deno.test("nothing at all may be kept", () => {
  assertEquals(excerpt("abc", 0), { text: "\n[... 3 bytes cut out ...]\n", truncated: true });
  assertEquals(excerpt("", 0), { text: "", truncated: false });
});

Deno.test("a gigabyte of output takes no more memory than its excerpt", () => {
  withFolder((folder) => {
    const path = folder.outputFile("stdout");
    Deno.writeTextFileSync(path, "start");
    Deno.truncateSync(path, 1024 ** 3);
    Deno.writeTextFileSync(path, "end", { append: true });
    const before = Deno.memoryUsage().rss;
    const { text } = excerptOf(folder, "stdout", 64 * 1024);
    assert(text.startsWith("start") && text.endsWith("end"));
    assert(Deno.memoryUsage().rss - before < 32 * 1024 * 1024);
  });
});

Deno.test("a stream that was never opened is empty", () => {
  withFolder((folder) => {
    assertEquals(excerptOf(folder, "stderr", 10), { text: "", truncated: false });
    assertEquals(outputSize(folder, "stderr"), 0);
  });
});

Deno.test("what a workload has put in place of its output is not opened", () => {
  for (const kind of ["fifo", "folder", "link"]) {
    withFolder((folder) => {
      const path = folder.outputFile("stdout");
      if (kind === "fifo") new Deno.Command("mkfifo", { args: [path] }).outputSync();
      if (kind === "folder") Deno.mkdirSync(path);
      if (kind === "link") Deno.symlinkSync("/etc/hostname", path);
      const lines: string[] = [];
      new Tail(folder, "stdout", (line) => lines.push(line)).read();
      const buffer = new Uint8Array(8);
      assertEquals([excerptOf(folder, "stdout", 100).text, outputSize(folder, "stdout"), lines], [
        "",
        0,
        [],
      ]);
      assertEquals(readOutputAt(folder, "stdout", 0, buffer).length, 0);
    });
  }
});

Deno.test("output is read from any position", () => {
  withFolder((folder) => {
    const path = folder.outputFile("stdout");
    Deno.writeTextFileSync(path, "0123456789");
    const read = (position: number) =>
      new TextDecoder().decode(readOutputAt(folder, "stdout", position, new Uint8Array(4)));
    assertEquals([read(0), read(8), read(10), read(99)], ["0123", "89", "", ""]);
  });
});

import { assertEquals } from "@std/assert";
import { existsSync } from "node:fs";
import { WorkloadFolder } from "../../src/workloads/folder.ts";
import { hasOutput, outputSize, readOutput, Tail } from "../../src/workloads/output.ts";
import { MAX_SMALL_OUTPUT, OutputBuffer } from "../../src/workloads/output_buffer.ts";

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

async function withFolder(body: (path: string) => void): Promise<void> {
  const parent = await Deno.makeTempDir({ prefix: "cloud_node_buffer_" });
  try {
    body(`${parent}/c1`);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

/** A stream as all readers see it. */
function read(path: string, buffer: OutputBuffer, stream: "stdout" | "stderr"): string {
  const folder = new WorkloadFolder(path, buffer.small);
  return [...readOutput(folder, stream, 1_000_000).pieces].join("");
}

Deno.test("little output makes no file and no folder", async () => {
  await withFolder((path) => {
    using buffer = new OutputBuffer(new WorkloadFolder(path));
    for (const part of ["a", "b"]) buffer.write("stdout", bytes(part));
    assertEquals(read(path, buffer, "stdout"), "ab");
    assertEquals(buffer.end(), { stdout: bytes("ab"), stderr: bytes("") });
    assertEquals(existsSync(path), false);
  });
});

Deno.test("what little output there is counts, and is there to be read though it is empty", () => {
  const folder = new WorkloadFolder("/nowhere", { stdout: bytes("abc"), stderr: bytes("") });
  assertEquals(folder.usage(), { bytes: 3, isSilent: false });
  assertEquals([hasOutput(folder, "stderr"), outputSize(folder, "stderr")], [true, 0]);
});

Deno.test("a stream that is more than little goes into a file, the other one does not", async () => {
  await withFolder((path) => {
    using buffer = new OutputBuffer(new WorkloadFolder(path));
    const much = "x".repeat(MAX_SMALL_OUTPUT);
    buffer.write("stdout", bytes(much));
    assertEquals(existsSync(path), false);
    for (const part of ["y", "z"]) buffer.write("stdout", bytes(part));
    buffer.write("stderr", bytes("e"));
    assertEquals(read(path, buffer, "stdout"), `${much}yz`);
    assertEquals(buffer.end(), { stderr: bytes("e") });
    assertEquals(Deno.statSync(`${path}/stdout.log`).mode! & 0o777, 0o600);
  });
});

Deno.test("whoever follows the output sees it once, on its way from memory to a file", async () => {
  await withFolder((path) => {
    using buffer = new OutputBuffer(new WorkloadFolder(path));
    const lines: string[] = [];
    const tail = new Tail(new WorkloadFolder(path, buffer.small), "stderr", (line) => {
      lines.push(line);
    });
    for (const line of ["one\n", "two\n", "three\n"]) {
      buffer.write("stderr", bytes(line));
      tail.read();
      if (line === "two\n") buffer.spill();
    }
    assertEquals(lines, ["one", "two", "three"]);
  });
});

Deno.test("a stream keeps no more than it may, and says so", async () => {
  await withFolder((path) => {
    using buffer = new OutputBuffer(new WorkloadFolder(path), 5);
    for (const part of ["abc", "def", "ghi"]) buffer.write("stderr", bytes(part));
    assertEquals(
      read(path, buffer, "stderr"),
      "abcde\n[... there is more than 5 bytes: the rest is not kept ...]\n",
    );
  });
});

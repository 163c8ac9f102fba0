import { assert, assertEquals, assertThrows } from "@std/assert";
import { WorkloadFolder } from "../../src/workloads/folder.ts";

function withFolder(body: (folder: WorkloadFolder) => void): void {
  const path = Deno.makeTempDirSync({ prefix: "cloud_node_folder_" });
  try {
    body(new WorkloadFolder(path));
  } finally {
    new WorkloadFolder(path).remove();
  }
}

function excerptOf(output: string | Uint8Array<ArrayBuffer>, maxBytes: number) {
  let excerpt = { text: "", truncated: false };
  withFolder((folder) => {
    const bytes = typeof output === "string" ? new TextEncoder().encode(output) : output;
    Deno.writeFileSync(folder.outputFile("stdout"), bytes);
    excerpt = folder.excerpt("stdout", maxBytes);
  });
  return excerpt;
}

Deno.test("output that fits is passed on whole, a byte order mark included", () => {
  for (const output of ["", "a", "\ufeffdata\r\n\0", "é😀".repeat(1_000)]) {
    const { length } = new TextEncoder().encode(output);
    assertEquals(excerptOf(output, length), { text: output, truncated: false });
  }
});

Deno.test("of output that does not fit the head and the tail are kept, and the cut is marked", () => {
  assertEquals(excerptOf("HEAD" + "-".repeat(100) + "TAIL", 8), {
    text: "HEAD\n[... 100 bytes cut out ...]\nTAIL",
    truncated: true,
  });
});

Deno.test("no cut ever splits a character", () => {
  for (const character of ["é", "€", "😀"]) {
    const output = character.repeat(100);
    for (let maxBytes = 20; maxBytes < 40; maxBytes++) {
      const { text, truncated } = excerptOf(output, maxBytes);
      assert(truncated);
      const rest = text.replaceAll(character, "");
      assert(/^\n\[\.\.\. \d+ bytes cut out \.\.\.\]\n$/.test(rest), rest);
    }
  }
});

Deno.test("output that is no text is passed on as well as it can be", () => {
  assertEquals(excerptOf(Uint8Array.of(0xff, 0x41, 0xc3), 10).text, "\ufffdA\ufffd");
  const continuation = new Uint8Array(1_000).fill(0x80);
  assertEquals(excerptOf(continuation, 100).truncated, true);
});

Deno.test("nothing at all may be kept", () => {
  assertEquals(excerptOf("abc", 0), { text: "\n[... 3 bytes cut out ...]\n", truncated: true });
  assertEquals(excerptOf("", 0), { text: "", truncated: false });
});

Deno.test("a gigabyte of output takes no more memory than its excerpt", () => {
  withFolder((folder) => {
    const path = folder.outputFile("stdout");
    Deno.writeTextFileSync(path, "start");
    Deno.truncateSync(path, 1024 ** 3);
    Deno.writeTextFileSync(path, "end", { append: true });
    const before = Deno.memoryUsage().rss;
    const { text } = folder.excerpt("stdout", 64 * 1024);
    assert(text.startsWith("start") && text.endsWith("end"));
    assert(Deno.memoryUsage().rss - before < 32 * 1024 * 1024);
  });
});

Deno.test("a stream that was never opened is empty", () => {
  withFolder((folder) => {
    assertEquals(folder.excerpt("stderr", 10), { text: "", truncated: false });
    assertEquals(folder.outputSize("stderr"), 0);
  });
});

Deno.test("params are written once, for the node's user alone, whatever the umask", () => {
  withFolder((folder) => {
    const umask = Deno.umask(0);
    folder.write({ name: "params.json", bytes: '{"x":"é"}' });
    Deno.umask(umask);
    assertEquals(Deno.readTextFileSync(folder.paramsFile), '{"x":"é"}');
    assertEquals(Deno.statSync(folder.paramsFile).mode! & 0o777, 0o600);
    assertThrows(() => folder.write({ name: "params.json", bytes: "{}" }));
  });
});

Deno.test("params never follow a link that somebody put in their place", () => {
  withFolder((folder) => {
    Deno.symlinkSync(`${folder.path}/target`, folder.paramsFile);
    assertThrows(() => folder.write({ name: "params.json", bytes: "{}" }), Error, "EEXIST");
  });
});

Deno.test("the exit file tells the code, that there is none yet, or nothing", () => {
  withFolder((folder) => {
    assertEquals(folder.exitFile(), undefined);
    Deno.writeTextFileSync(`${folder.path}/exit`, "................");
    assertEquals(folder.exitFile(), "begun");
    Deno.writeTextFileSync(`${folder.path}/exit`, "3\n..............");
    assertEquals(folder.exitFile(), 3);
  });
});

Deno.test("a folder's size counts a block for each small file, and 0 when it is gone", () => {
  withFolder((folder) => {
    assertEquals(folder.usage().bytes, 4096);
    Deno.writeTextFileSync(folder.outputFile("stdout"), "x");
    Deno.writeTextFileSync(folder.outputFile("stderr"), "x".repeat(10_000));
    assertEquals(folder.usage().bytes, 4096 + 4096 + 10_000);
    folder.remove();
    folder.remove();
    assertEquals(folder.usage().bytes, 0);
  });
});

Deno.test("removing a folder leaves alone what links in it lead to", () => {
  withFolder((outside) => {
    Deno.writeTextFileSync(`${outside.path}/precious`, "");
    withFolder((folder) => {
      Deno.symlinkSync(outside.path, `${folder.path}/link`);
      folder.remove();
    });
    assertEquals(Deno.statSync(`${outside.path}/precious`).isFile, true);
  });
});

import { assertEquals } from "@std/assert";
import { WorkloadFolder } from "../../src/workloads/folder.ts";
import { OutputIndex, readOutputIndex } from "../../src/workloads/output_index.ts";

class Folder extends WorkloadFolder implements Disposable {
  constructor() {
    super(Deno.makeTempDirSync({ prefix: "cloud_node_index_" }));
  }

  get index(): string {
    return `${this.path}/output.index`;
  }

  [Symbol.dispose](): void {
    this.remove();
  }
}

Deno.test("what did not grow is not noted, and the file is its owner's alone", () => {
  using folder = new Folder();
  const index = new OutputIndex(folder);
  for (const [at, stdout, stderr] of [[1, 5, 0], [2, 5, 0], [3, 5, 2], [4, 5, 2], [5, 9, 2]]) {
    index.note({ at: at!, stdout: stdout!, stderr: stderr! });
  }
  assertEquals(Deno.readTextFileSync(folder.index), "1 5 0\n3 5 2\n5 9 2\n");
  if (Deno.build.os !== "windows") assertEquals(Deno.statSync(folder.index).mode! & 0o777, 0o600);
});

Deno.test("a job that prints for months does not fill the disk with its order", () => {
  using folder = new Folder();
  const index = new OutputIndex(folder);
  const count = 100_000;
  for (let i = 0; i < count; i++) index.note({ at: i * 1_000, stdout: i, stderr: 0 });
  const noted = readOutputIndex(folder).map(({ stdout }) => stdout);
  // Each 4,096 of them take twice as long as those before.
  assertEquals(noted.length < 8 * 4_096, true);
  assertEquals(noted.at(-1)! > count - 20, true);
});

Deno.test("a link or a pipe in the index's place is left alone", async () => {
  using folder = new Folder();
  const note = () => {
    const index = new OutputIndex(folder);
    for (const size of [1, 2, 3]) index.note({ at: size, stdout: size, stderr: 0 });
  };
  Deno.writeTextFileSync(`${folder.path}/other`, "mine");
  Deno.symlinkSync(`${folder.path}/other`, folder.index);
  note();
  assertEquals(readOutputIndex(folder), []);
  assertEquals(Deno.readTextFileSync(`${folder.path}/other`), "mine");
  Deno.removeSync(folder.index);
  await new Deno.Command("mkfifo", { args: [folder.index] }).output();
  note();
  assertEquals(readOutputIndex(folder), []);
});

Deno.test("whatever a workload writes there, sizes never shrink and nothing fails", () => {
  using folder = new Folder();
  Deno.writeTextFileSync(
    folder.index,
    "1 5 5\nx\n2 3 9\n-1 2 3\n99999999999999999 1 1\n3 1e9 4\n4 7",
  );
  assertEquals(readOutputIndex(folder), [
    { at: 1, stdout: 5, stderr: 5 },
    { at: 2, stdout: 5, stderr: 9 },
  ]);
});

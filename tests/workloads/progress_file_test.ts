import { assertEquals } from "@std/assert";
import { WorkloadFolder } from "../../src/workloads/folder.ts";
import {
  type FoundProgress,
  latestIn,
  latestProgress,
  ProgressFile,
} from "../../src/workloads/progress_file.ts";

/** The folder of a workload, which goes with the test. */
function temporaryFolder(): WorkloadFolder & Disposable {
  const folder = new WorkloadFolder(Deno.makeTempDirSync({ prefix: "cloud_node_progress_" }));
  return Object.assign(folder, { [Symbol.dispose]: () => folder.remove() });
}

const NO_PROGRESS = 'a line is not of the form {"progress":0.4,"message":"..."}';

const TEXTS: readonly [text: string, found: FoundProgress][] = [
  ["", { progress: undefined }],
  ['{"progress":0.1}\n{"progress":0.2}\n', { progress: { progress: 0.2 } }],
  ['{"progress":0.1}\r\n', { progress: { progress: 0.1 } }],
  // Whole, though nobody ended the line.
  ['{"progress":0.1}\n{"progress":0.2}', { progress: { progress: 0.2 } }],
  // Not whole yet.
  ['{"progress":0.1}\n{"progr', { progress: { progress: 0.1 } }],
  ['{"progress":0.1}\n\n  \n', { progress: { progress: 0.1 } }],
  ["half\n", { progress: undefined, problem: NO_PROGRESS }],
  ['{"progress":0.1}\nhalf\n', { progress: { progress: 0.1 }, problem: NO_PROGRESS }],
  ['half\n{"progress":0.1}\n', { progress: { progress: 0.1 } }],
  ['{"progress":"0.1"}\n', { progress: undefined, problem: NO_PROGRESS }],
];

Deno.test("the last line that is progress counts", () => {
  for (const [text, found] of TEXTS) assertEquals(latestIn(text), found, JSON.stringify(text));
});

Deno.test("a file without end is read from its end, and what is no file is not read at all", () => {
  using folder = temporaryFolder();
  const path = folder.progressFile;
  assertEquals(latestProgress(path), { progress: undefined });
  Deno.writeTextFileSync(path, '{"progress":0.1}\n'.repeat(100_000) + '{"progress":0.2}\n');
  assertEquals(latestProgress(path), { progress: { progress: 0.2 } });
  Deno.writeTextFileSync(path, `{"message":"${"x".repeat(1 << 20)}"}\n`);
  assertEquals(latestProgress(path).progress, undefined);

  const problem = "it is not a regular file";
  Deno.removeSync(path);
  Deno.mkdirSync(path);
  assertEquals(latestProgress(path), { progress: undefined, problem });
  Deno.removeSync(path);
  Deno.writeTextFileSync(`${folder.path}/other`, '{"progress":0.3}\n');
  Deno.symlinkSync(`${folder.path}/other`, path);
  assertEquals(latestProgress(path), { progress: undefined, problem });
  Deno.removeSync(path);
  // One that nobody writes to: to open it must not wait.
  new Deno.Command("mkfifo", { args: [path] }).outputSync();
  assertEquals(latestProgress(path), { progress: undefined, problem });
});

Deno.test("a file is read again when it has changed", () => {
  using folder = temporaryFolder();
  const path = folder.progressFile;
  const file = new ProgressFile(path);
  assertEquals(file.look(), undefined);
  Deno.writeTextFileSync(path, '{"progress":0.1}\n');
  assertEquals(file.look(), { progress: { progress: 0.1 } });
  assertEquals(file.look(), undefined);
  Deno.writeTextFileSync(path, '{"progress":0.2}\n', { append: true });
  assertEquals(file.look(), { progress: { progress: 0.2 } });
  // Written anew, and shorter.
  Deno.writeTextFileSync(path, '{"progress":0.3}\n');
  assertEquals(file.look(), { progress: { progress: 0.3 } });
  assertEquals(file.read(), { progress: { progress: 0.3 } });
});

Deno.test("what a node puts there takes the place of what was there, and follows no link", () => {
  using folder = temporaryFolder();
  Deno.symlinkSync(`${folder.path}/target`, `${folder.progressFile}.new`);
  folder.keepProgress('{"progress":0.1}');
  folder.keepProgress('{"progress":0.2}');
  assertEquals(Deno.readTextFileSync(folder.progressFile), '{"progress":0.2}\n');
  assertEquals([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["progress.jsonl"]);
});

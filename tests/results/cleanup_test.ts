import { assertEquals, assertStringIncludes } from "@std/assert";
import type { RecordedFile } from "../../src/journal/result_files.ts";
import { removeUploaded } from "../../src/results/cleanup.ts";
import { listFiles } from "../../src/results/listing.ts";
import { RecordingLogger } from "../support/events.ts";
import { ResultsFolder } from "../support/results.ts";

const logger = new RecordingLogger();

/** Every file in a folder, as if it had just been acknowledged. */
async function uploaded(folder: ResultsFolder): Promise<RecordedFile[]> {
  const files = await listFiles(folder.path, logger);
  return files.map((file, seq) => ({
    ...file,
    seq,
    attachmentUuid: file.name,
    state: "acknowledged",
    signedUrl: undefined,
    failure: undefined,
  }));
}

Deno.test("what was uploaded goes, with the folders this empties, but not the results folder", async () => {
  using folder = new ResultsFolder();
  folder.write("a/b/c/file", "x");
  folder.write("a/d/file", "x");
  folder.write("top", "x");
  Deno.mkdirSync(`${folder.path}/was_empty`);
  removeUploaded(await uploaded(folder), folder.path, logger);
  assertEquals(folder.names(), ["was_empty/"]);
});

Deno.test("what came later stays, with the folders it is in", async () => {
  using folder = new ResultsFolder();
  folder.write("a/b/old", "x");
  const files = await uploaded(folder);
  folder.write("a/new", "x");
  removeUploaded(files, folder.path, logger);
  assertEquals(folder.names(), ["a/", "a/new"]);
});

Deno.test("a changed file stays and a missing one is no trouble", async () => {
  using folder = new ResultsFolder();
  const changed = folder.write("changed", "x");
  Deno.removeSync(folder.write("gone", "x") && folder.write("dir/gone", "x"));
  const files = await uploaded(folder);
  Deno.writeTextFileSync(changed, "xy");
  Deno.removeSync(`${folder.path}/gone`);
  const quiet = new RecordingLogger();
  assertEquals(removeUploaded(files, folder.path, quiet), [
    { seq: 0, state: "removed" },
    { seq: 1, state: "removed" },
  ]);
  assertEquals(folder.names().includes("changed"), true);
  assertEquals(quiet.shown.length, 1);
  assertStringIncludes(quiet.shown[0], "it changed after it was uploaded");
});

Deno.test("a results folder that is gone altogether is no trouble", async () => {
  using folder = new ResultsFolder();
  folder.write("sub/a", "x");
  const files = await uploaded(folder);
  Deno.removeSync(`${folder.path}/sub`, { recursive: true });
  const states = removeUploaded(files, `${folder.path}/sub`, logger).map(({ state }) => state);
  assertEquals(states, ["removed"]);
});

Deno.test("what cannot be removed is left, and said to be", async () => {
  using folder = new ResultsFolder();
  folder.write("file", "x");
  const [file] = await uploaded(folder);
  // A folder in the file's place, taken for the file itself: not even root can unlink it.
  Deno.removeSync(file.path);
  folder.write("file/inside", "x");
  const info = Deno.lstatSync(file.path);
  const fingerprint = `${info.ino}-${info.size}-${info.mtime?.getTime()}`;
  const told = new RecordingLogger();
  assertEquals(removeUploaded([{ ...file, fingerprint }], folder.path, told)[0].state, "left");
  assertStringIncludes(told.shown[0], `Cannot remove ${JSON.stringify(file.path)}`);
});

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { ResultsFolder, type TestCommand, TestUploads } from "../support/results.ts";

/** What is stored for a workload: sizes by name. */
async function sent(test: TestUploads, command: TestCommand): Promise<Record<string, number>> {
  assertEquals(await test.upload(command), { type: "uploaded" });
  if (!test.server.reports.has(command.workloadUuid)) return {};
  const stored = Object.entries(test.server.stored(command.workloadUuid));
  return Object.fromEntries(stored.map(([name, { size }]) => [name, size]));
}

function write(folder: string, name: string, text: string): string {
  const path = join(folder, name);
  Deno.mkdirSync(join(path, ".."), { recursive: true });
  Deno.writeTextFileSync(path, text);
  return path;
}

Deno.test("each command has a results folder of its own, for the node's user alone", async () => {
  await using test = new TestUploads();
  const [first, second] = [test.started("a"), test.started("b")];
  assert(first.folder !== second.folder);
  assertEquals(test.uploads.folderFor("a"), first.folder);
  assertEquals(Deno.statSync(first.folder).mode! & 0o777, 0o700);
  write(first.folder, "out/metrics.json", "1");
  write(second.folder, "out/metrics.json", "22");
  for (const command of [first, second]) await test.end(command);
  assertEquals([await sent(test, first), await sent(test, second)], [
    { "out/metrics.json": 1 },
    { "out/metrics.json": 2 },
  ]);
});

Deno.test("while results upload, the next workload writes the same names: both arrive", async () => {
  await using test = new TestUploads();
  const first = test.started("a");
  test.folder.write("model.bin", "first");
  await test.end(first);
  const second = test.started("b");
  test.folder.write("model.bin", "the second");
  await test.end(second);
  assertEquals(await sent(test, first), { "model.bin": 5 });
  assertEquals(await sent(test, second), { "model.bin": 10 });
});

Deno.test("files of one name in the shared folder and in the workload's own both arrive", async () => {
  await using test = new TestUploads();
  const command = test.started("a");
  write(command.folder, "run/metrics.json", "own");
  test.folder.write("run/metrics.json", "shared");
  assertEquals(await test.end(command), ["run/metrics.json", "run/metrics-2.json"]);
  assertEquals(await sent(test, command), { "run/metrics.json": 3, "run/metrics-2.json": 6 });
});

Deno.test("what lay in the shared folder goes with the first workload that runs alone", async () => {
  await using test = new TestUploads();
  test.folder.write("before.txt", "x");
  assertEquals(await test.end(test.started("a")), ["before.txt"]);
});

Deno.test("workloads that overlap in the shared folder are told apart by what was there, with a warning", async () => {
  await using test = new TestUploads();
  const first = test.started("a");
  test.folder.write("of_a.txt", "x");
  test.folder.write("changed_by_b.txt", "x");
  const second = test.started("b");
  test.folder.write("changed_by_b.txt", "xy");
  test.folder.write("of_b.txt", "x");
  assertEquals(await test.end(second), ["changed_by_b.txt", "of_b.txt"]);
  const warning = await test.logger.logged("1 other workloads ran meanwhile");
  assertStringIncludes(warning, `2 files that appeared in ${JSON.stringify(test.folder.path)}`);
  assertStringIncludes(warning, "CYBERWAVE_RESULTS_FOLDER");
  assertEquals(await test.end(first), ["of_a.txt"]);
});

Deno.test("workloads that overlap but write to their own folders get no warning", async () => {
  await using test = new TestUploads();
  const commands = [test.started("a"), test.started("b")];
  for (const { folder } of commands) write(folder, "x.txt", "x");
  for (const command of commands) assertEquals(await test.end(command), ["x.txt"]);
  assertEquals(test.logger.shown, []);
});

Deno.test("a damaged snapshot is as good as none, with a warning", async () => {
  for (const content of ["{", "7", "[1]", '"x"', "\0"]) {
    await using test = new TestUploads();
    test.folder.write("there", "x");
    const command = test.started("a");
    test.started("b");
    Deno.writeTextFileSync(`${test.state.path}/workload_results/a/before.json`, content);
    assertEquals(await test.end(command), ["there"]);
    await test.logger.logged("before.json");
  }
});

Deno.test("a workload that failed sends nothing; its own files are kept with its output", async () => {
  await using test = new TestUploads();
  Deno.mkdirSync(`${test.state.path}/workloads/a`, { recursive: true });
  const command = test.started("a");
  write(command.folder, "half.pt", "x");
  test.folder.write("shared.pt", "x");
  assertEquals(await test.end(command, { status: "error" }), []);
  assertEquals(test.state.names("workloads/"), [
    "workloads/a/",
    "workloads/a/results/",
    "workloads/a/results/files/",
    "workloads/a/results/files/half.pt",
  ]);
  assertEquals(test.folder.names(), ["shared.pt"]);
  await test.logger.logged(
    `are kept in ${JSON.stringify(`${test.state.path}/workloads/a/results`)}`,
  );
});

Deno.test("patterns choose what is sent; the rest of the workload's own files is kept with its output", async () => {
  const results = ["*_chkpt/**", "metrics.json"];
  await using test = new TestUploads({ settings: { results } });
  Deno.mkdirSync(`${test.state.path}/workloads/a`, { recursive: true });
  const command = test.started("a");
  for (const name of ["a_chkpt/x/.metadata", "metrics.json", "cache/big.bin", "log.txt"]) {
    write(command.folder, name, name);
  }
  test.folder.write("shared_chkpt/1.pt", "x");
  test.folder.write("cache.bin", "x");
  assertEquals(
    await test.end(command),
    ["a_chkpt/x/.metadata", "metrics.json", "shared_chkpt/1.pt"],
  );
  assertEquals(Object.keys(await sent(test, command)).length, 3);
  assertEquals(test.folder.names(), ["cache.bin"]);
  const kept = test.state.names("workloads/a/results/files/");
  assertEquals(kept.map((name) => name.split("/").slice(4).join("/")), [
    "cache/",
    "cache/big.bin",
    "log.txt",
  ]);
});

Deno.test("without uploads a workload gets the shared folder, and nothing is taken from it", async () => {
  await using test = new TestUploads({ settings: { uploadResults: false } });
  const command = test.started("a");
  assertEquals(command.folder, test.folder.path);
  test.folder.write("a.txt", "x");
  assertEquals(await test.end(command), []);
  assertEquals([test.folder.names(), test.state.names()], [["a.txt"], []]);
});

Deno.test("a command that nobody follows sends nothing", async () => {
  await using test = new TestUploads();
  test.started("a");
  test.folder.write("a.txt", "x");
  const files = await test.uploads.take({ id: "a", workloadUuid: undefined }, { status: "ok" });
  assertEquals([files, test.folder.names()], [[], ["a.txt"]]);
});

Deno.test({
  name: "links, FIFOs and devices in a results folder are neither followed nor opened",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using test = new TestUploads();
    using outside = new ResultsFolder();
    outside.write("secret", "x");
    const command = test.started("a");
    for (const folder of [command.folder, test.folder.path]) {
      Deno.symlinkSync(`${outside.path}/secret`, `${folder}/link`);
      Deno.symlinkSync(outside.path, `${folder}/linked`);
      new Deno.Command("mkfifo", { args: [`${folder}/fifo`] }).outputSync();
      write(folder, "real.txt", folder === command.folder ? "own" : "shared");
    }
    assertEquals(await test.end(command), ["real.txt", "real-2.txt"]);
    assertEquals(await sent(test, command), { "real.txt": 3, "real-2.txt": 6 });
    assertEquals(outside.names(), ["secret"]);
    await test.logger.logged("it is not a regular file");
    await test.logger.logged("a link out of the results folder");
  },
});

Deno.test("a workload that makes a link of its results folder sends nothing through it", async () => {
  await using test = new TestUploads();
  using outside = new ResultsFolder();
  outside.write("secret", "x");
  const command = test.started("a");
  Deno.removeSync(command.folder);
  Deno.symlinkSync(outside.path, command.folder);
  assertEquals(await test.end(command), []);
  assertEquals(outside.names(), ["secret"]);
});

Deno.test("a take that was cut off after any step goes on, and every file arrives once", async () => {
  const names = ["1", "2", "3/4", "3/5"];
  for (let moved = 0; moved <= names.length; moved++) {
    await using test = new TestUploads();
    const command = test.started("a");
    for (const name of names) test.folder.write(name, name);
    // As a node leaves it that dies when it has moved so many.
    for (const name of names.slice(0, moved)) {
      const target = `${test.state.path}/workload_results/a/moved/${name}`;
      Deno.mkdirSync(join(target, ".."), { recursive: true });
      Deno.renameSync(`${test.folder.path}/${name}`, target);
    }
    test.restart();
    assertEquals(await test.end(command), names);
    assertEquals(Object.keys(await sent(test, command)), names);
    assertEquals(test.folder.names().filter((name) => !name.endsWith("/")), []);
  }
});

Deno.test("a file that was copied when the node died is not sent twice", async () => {
  await using test = new TestUploads();
  const command = test.started("a");
  const source = test.folder.write("a.bin", "content");
  const copy = write(`${test.state.path}/workload_results/a/moved`, "a.bin", "content");
  const { mtime } = Deno.statSync(source);
  Deno.utimeSync(copy, mtime!, mtime!);
  assertEquals(await test.end(command), ["a.bin"]);
  assertEquals(await sent(test, command), { "a.bin": 7 });
  assertEquals([test.folder.names(), await test.end(test.started("b"))], [[], []]);
});

const OTHER_DISK = "/dev/shm";

Deno.test({
  name: "from another disk files are copied, and the originals go",
  ignore: Deno.build.os !== "linux" ||
    Deno.statSync(OTHER_DISK).dev === Deno.statSync(Deno.makeTempDirSync()).dev,
  async fn() {
    const resultsFolder = Deno.makeTempDirSync({ dir: OTHER_DISK });
    try {
      await using test = new TestUploads({ settings: { resultsFolder } });
      const command = test.started("a");
      const source = write(resultsFolder, "run/a.bin", "content".repeat(100_000));
      Deno.utimeSync(source, 1_000, 1_000.123);
      assertEquals(await test.end(command), ["run/a.bin"]);
      assertEquals([...Deno.readDirSync(resultsFolder)], []);
      const copy = Deno.statSync(`${test.state.path}/workload_results/a/moved/run/a.bin`);
      assertEquals([copy.size, copy.mode! & 0o777], [700_000, 0o600]);
      assertEquals(await sent(test, command), { "run/a.bin": 700_000 });
    } finally {
      Deno.removeSync(resultsFolder, { recursive: true });
    }
  },
});

Deno.test("a file that cannot be moved is sent from where it is, and not again with the next workload", async () => {
  await using test = new TestUploads();
  const command = test.started("a");
  test.folder.write("a.txt", "x");
  // Where the folder for moved files belongs, there is a file.
  write(`${test.state.path}/workload_results/a`, "moved", "");
  assertEquals(await test.end(command), ["a.txt"]);
  await test.logger.logged("so it is uploaded from there");
  assertEquals(await test.end(test.started("b")), []);
  assertEquals(await sent(test, command), { "a.txt": 1 });
  assertEquals(test.folder.names(), []);
});

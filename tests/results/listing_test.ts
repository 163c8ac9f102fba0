import { assert, assertEquals } from "@std/assert";
import { fingerprintOf, folderAt, isBelow, listFiles } from "../../src/results/listing.ts";
import { RecordingLogger } from "../support/events.ts";
import { ResultsFolder } from "../support/results.ts";

async function list(folder: string): Promise<{ names: string[]; warnings: string[] }> {
  const logger = new RecordingLogger();
  const names = (await listFiles(folder, logger)).map(({ name }) => name);
  return { names, warnings: logger.shown };
}

async function bash(script: string, folder: string): Promise<void> {
  const { success } = await new Deno.Command("bash", { args: ["-ec", script], cwd: folder })
    .output();
  assert(success);
}

Deno.test("files are listed from all folders, in the order of their names, with size and identity", async () => {
  using folder = new ResultsFolder();
  for (const name of ["b.txt", "a/z/deep.txt", "a/first", ".hidden"]) folder.write(name, name);
  assertEquals(await list(folder.path), {
    names: [".hidden", "a/first", "a/z/deep.txt", "b.txt"],
    warnings: [],
  });
  const found = (await listFiles(folder.path, new RecordingLogger())).at(-1)!;
  const path = `${folder.path}/b.txt`;
  assertEquals(found, {
    path,
    name: "b.txt",
    size: 5,
    fingerprint: fingerprintOf(Deno.statSync(path)),
  });
});

Deno.test("a file that is longer, newer or another one at its path is told apart", () => {
  using folder = new ResultsFolder();
  const path = folder.write("file", "x");
  Deno.utimeSync(path, 1, 1);
  const fingerprints = new Set([fingerprintOf(Deno.statSync(path))]);
  const changes = [
    () => Deno.utimeSync(path, 1, 2),
    () => Deno.truncateSync(path, 3),
    () => Deno.renameSync(folder.write("other", "abc"), path),
  ];
  for (const change of changes) {
    change();
    Deno.utimeSync(path, 1, 2);
    fingerprints.add(fingerprintOf(Deno.statSync(path)));
  }
  assertEquals(fingerprints.size, 4);
});

Deno.test("a folder that is missing or empty holds nothing, and nobody is warned", async () => {
  using folder = new ResultsFolder();
  assertEquals(await list(folder.path), { names: [], warnings: [] });
  assertEquals(await list(`${folder.path}/missing`), { names: [], warnings: [] });
});

Deno.test("a results folder that is a file is reported", () => {
  using folder = new ResultsFolder();
  const logger = new RecordingLogger();
  assertEquals(folderAt(folder.write("file", "x"), logger), undefined);
  assertEquals(logger.shown.length, 1);
});

Deno.test("a link out of the folder is refused with a warning, and none is followed", async () => {
  using folder = new ResultsFolder();
  using outside = new ResultsFolder();
  folder.write("data/real.txt", "x");
  outside.write("secret.txt", "x");
  Deno.symlinkSync(`${outside.path}/secret.txt`, `${folder.path}/to_file`);
  Deno.symlinkSync(outside.path, `${folder.path}/to_folder`);
  Deno.symlinkSync(`../../${outside.path.split("/").at(-1)}`, `${folder.path}/data/relative`);
  Deno.symlinkSync("data/real.txt", `${folder.path}/inside`);
  Deno.symlinkSync("data", `${folder.path}/inside_folder`);
  Deno.symlinkSync("nowhere", `${folder.path}/dangling`);
  Deno.symlinkSync("circle", `${folder.path}/circle`);
  const { names, warnings } = await list(folder.path);
  assertEquals(names, ["data/real.txt"]);
  const refused = ["circle", "data/relative", "to_file", "to_folder"];
  assertEquals(warnings.length, refused.length);
  for (const name of refused) {
    assert(warnings.some((line) => line.includes(`"${folder.path}/${name}"`)), name);
  }
});

Deno.test("the configured folder may be a link; a folder that is listed may not", async () => {
  using folder = new ResultsFolder();
  folder.write("real/a.txt", "x");
  Deno.symlinkSync("real", `${folder.path}/link`);
  assertEquals(folderAt(`${folder.path}/link`, new RecordingLogger()), `${folder.path}/real`);
  assertEquals((await list(`${folder.path}/link`)).names, []);
});

Deno.test({
  name: "pipes and sockets are no results, with a warning",
  ignore: Deno.build.os === "windows",
  async fn() {
    using folder = new ResultsFolder();
    await bash("mkfifo pipe; echo x >file", folder.path);
    using _socket = Deno.listen({ transport: "unix", path: `${folder.path}/socket` });
    const { names, warnings } = await list(folder.path);
    assertEquals([names, warnings.length], [["file"], 2]);
  },
});

Deno.test({
  name: "hostile names are only names; those that are not UTF-8 are told of",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using folder = new ResultsFolder();
    const names = [
      "a\nb",
      "\x1b[31mred",
      "..txt",
      "...",
      "$(id)",
      "-rf",
      "ä".normalize("NFD"),
      '"',
    ];
    for (const name of names) folder.write(name, "x");
    await bash("echo x >$'bad\\xff'; mkdir $'dir\\xff'; echo x >$'dir\\xff/file'", folder.path);
    const listed = await list(folder.path);
    assertEquals(listed.names, names.toSorted());
    assertEquals(listed.warnings.map((line) => line.includes("is not UTF-8: rename it")), [
      true,
      true,
    ]);
  },
});

Deno.test("what is below a folder is not what begins like it", () => {
  const cases: [string, boolean][] = [
    ["/results/a", true],
    ["/results/..a", true],
    ["/results", false],
    ["/results2", false],
    ["/results/../a", false],
    ["/", false],
  ];
  for (const [path, expected] of cases) assertEquals(isBelow("/results", path), expected, path);
});

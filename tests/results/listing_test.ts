import { assert, assertEquals } from "@std/assert";
import { fingerprintOf, isBelow, listResults } from "../../src/results/listing.ts";
import { RecordingLogger } from "../support/events.ts";
import { ResultsFolder } from "../support/results.ts";

function list(folder: string): { paths: string[]; warnings: string[] } {
  const logger = new RecordingLogger();
  const paths = listResults(folder, logger).map(({ path }) => path.slice(folder.length + 1));
  return { paths, warnings: logger.shown };
}

async function bash(script: string, folder: string): Promise<void> {
  const { success } = await new Deno.Command("bash", { args: ["-ec", script], cwd: folder })
    .output();
  assert(success);
}

Deno.test("files are listed from all folders, in the order of their paths, with size and identity", () => {
  using folder = new ResultsFolder();
  for (const name of ["b.txt", "a/z/deep.txt", "a/first", ".hidden"]) folder.write(name, name);
  assertEquals(list(folder.path), {
    paths: [".hidden", "a/first", "a/z/deep.txt", "b.txt"],
    warnings: [],
  });
  const found = listResults(folder.path, new RecordingLogger()).at(-1)!;
  const path = `${folder.path}/b.txt`;
  assertEquals(found, { path, size: 5, fingerprint: fingerprintOf(Deno.statSync(path)) });
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

Deno.test("a folder that is missing or empty holds nothing, and nobody is warned", () => {
  using folder = new ResultsFolder();
  assertEquals(list(folder.path), { paths: [], warnings: [] });
  assertEquals(list(`${folder.path}/missing`), { paths: [], warnings: [] });
});

Deno.test("a results folder that is a file is told of", () => {
  using folder = new ResultsFolder();
  const { paths, warnings } = list(folder.write("file", "x"));
  assertEquals([paths, warnings.length], [[], 1]);
});

Deno.test("a link out of the folder is refused with a warning, and none is followed", () => {
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
  const { paths, warnings } = list(folder.path);
  assertEquals(paths, ["data/real.txt"]);
  const refused = ["circle", "data/relative", "to_file", "to_folder"];
  assertEquals(warnings.length, refused.length);
  for (const name of refused) {
    assert(warnings.some((line) => line.includes(`"${folder.path}/${name}"`)), name);
  }
});

Deno.test("the results folder itself may be a link", () => {
  using folder = new ResultsFolder();
  const real = folder.write("real/a.txt", "x");
  Deno.symlinkSync("real", `${folder.path}/link`);
  const [found] = listResults(`${folder.path}/link`, new RecordingLogger());
  assertEquals(found.path, real);
});

Deno.test({
  name: "pipes and sockets are no results",
  ignore: Deno.build.os === "windows",
  async fn() {
    using folder = new ResultsFolder();
    await bash("mkfifo pipe; echo x >file", folder.path);
    using _socket = Deno.listen({ transport: "unix", path: `${folder.path}/socket` });
    assertEquals(list(folder.path), { paths: ["file"], warnings: [] });
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
    const { paths, warnings } = list(folder.path);
    assertEquals(paths, names.toSorted());
    assertEquals(warnings.map((line) => line.includes("is not UTF-8: rename it")), [true, true]);
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

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ConfigError } from "../../src/errors.ts";
import { Journal } from "../../src/journal/journal.ts";
import { lockFolder } from "../../src/state/lock.ts";
import { freeBytes, isDiskFull, makePrivateFolder } from "../../src/state/private_folder.ts";
import { FakeClock } from "../support/clock.ts";
import { RecordingLogger } from "../support/events.ts";
import { modeOf, withUmask } from "../support/modes.ts";

class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "cloud_node_state_" });

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

Deno.test("a state folder is its user's alone, whatever the umask and whatever its mode was", () => {
  using folder = new Folder();
  for (const umask of [0, 0o077, 0o377]) {
    const path = `${folder.path}/${umask}`;
    withUmask(umask, () => makePrivateFolder(path));
    assertEquals(modeOf(path), "700");
  }
  const loose = `${folder.path}/loose`;
  Deno.mkdirSync(loose);
  Deno.chmodSync(loose, 0o777);
  makePrivateFolder(loose);
  assertEquals(modeOf(loose), "700");
});

Deno.test("folders above the state folder are made as well", () => {
  using folder = new Folder();
  makePrivateFolder(`${folder.path}/a/b/c`);
  for (const name of ["a", "a/b", "a/b/c"]) assertEquals(modeOf(`${folder.path}/${name}`), "700");
});

Deno.test("something that cannot be a state folder is named, with what to do", () => {
  using folder = new Folder();
  Deno.writeTextFileSync(`${folder.path}/file`, "");
  const long = `${"x".repeat(200)}/`.repeat(3);
  const wrong = ["file", "file/below", "with\0nul", "with\na line break", "with\x7f", long];
  for (const path of wrong) {
    const error = assertThrows(() => makePrivateFolder(`${folder.path}/${path}`), ConfigError);
    assertStringIncludes(error.message, "Cannot use ");
    assertStringIncludes(error.hint!, "CYBERWAVE_EDGE_CONFIG_DIR");
  }
  assertEquals([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["file"]);
});

Deno.test("the longest path that is taken is short enough for all that a node opens there", () => {
  using folder = new Folder();
  const parts = { clock: new FakeClock(), logger: new RecordingLogger() };
  const filler = 450 - folder.path.length - 3;
  const path = `${folder.path}/${"a".repeat(filler - 200)}/${"b".repeat(201)}`;
  assertEquals(path.length, 450);
  makePrivateFolder(path);
  lockFolder(path, parts)[Symbol.dispose]();
  Journal.open(path, parts)[Symbol.dispose]();
  Deno.truncateSync(`${path}/journal.db`, 4096);
  Journal.open(path, parts)[Symbol.dispose]();
  assertStringIncludes(parts.logger.shown[0], "is damaged");
});

Deno.test("a folder that others share is not taken over", () => {
  using folder = new Folder();
  Deno.chmodSync(folder.path, 0o1777);
  assertThrows(() => makePrivateFolder(folder.path), ConfigError, "others share it");
  assertEquals(modeOf(folder.path), "777");
  makePrivateFolder(`${folder.path}/own`);
});

Deno.test("a folder that the home folder lies in is not taken over", () => {
  using folder = new Folder();
  Deno.chmodSync(folder.path, 0o755);
  const taken = () => makePrivateFolder(folder.path, `${folder.path}/home/somebody`);
  assertThrows(taken, ConfigError, "others share it");
  assertEquals(modeOf(folder.path), "755");
  makePrivateFolder(folder.path, folder.path);
  makePrivateFolder(`${folder.path}/below`, folder.path);
});

Deno.test("free space is that of the folder's file system", () => {
  using folder = new Folder();
  const free = freeBytes(folder.path);
  assert(Number.isFinite(free) && free >= 0);
  assert(freeBytes(`${folder.path}/missing/below`) >= 0, "also when somebody removed the folder");
});

Deno.test({
  name: "a disk is full when next to nothing is left on it",
  ignore: Deno.build.os !== "linux",
  fn() {
    assertEquals(isDiskFull(Deno.cwd()), false);
    // Nothing can be written there, nor in a folder of it that is missing.
    for (const folder of ["/proc", "/proc/nowhere"]) assertEquals(isDiskFull(folder), true);
  },
});

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ConfigError } from "../../src/errors.ts";
import { freeBytes, makePrivateFolder } from "../../src/state/private_folder.ts";
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
  for (const path of ["file", "file/below", "with\0nul"]) {
    const error = assertThrows(() => makePrivateFolder(`${folder.path}/${path}`), ConfigError);
    assertStringIncludes(error.message, "Cannot use ");
    assertStringIncludes(error.hint!, "CYBERWAVE_EDGE_CONFIG_DIR");
  }
});

Deno.test("a folder that others share is not taken over", () => {
  using folder = new Folder();
  Deno.chmodSync(folder.path, 0o1777);
  assertThrows(() => makePrivateFolder(folder.path), ConfigError, "others share it");
  assertEquals(modeOf(folder.path), "777");
  makePrivateFolder(`${folder.path}/own`);
});

Deno.test("free space is that of the folder's file system", () => {
  using folder = new Folder();
  const free = freeBytes(folder.path);
  assert(Number.isFinite(free) && free >= 0);
  assertThrows(() => freeBytes(`${folder.path}/missing`));
});

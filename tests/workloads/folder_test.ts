import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { WorkloadFolder } from "../../src/workloads/folder.ts";

function withFolder(body: (folder: WorkloadFolder) => void): void {
  const path = Deno.makeTempDirSync({ prefix: "cloud_node_folder_" });
  try {
    body(new WorkloadFolder(path));
  } finally {
    new WorkloadFolder(path).remove();
  }
}

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
    const error = assertThrows(
      () => folder.write({ name: "params.json", bytes: "{}" }),
      Error,
    );
    assertStringIncludes(error.message, "EEXIST");
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

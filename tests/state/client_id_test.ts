import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { clientId } from "../../src/state/client_id.ts";

const FORM = /^cyberwave-cloud-node-[0-9a-f]{16}$/;

function withFolder(body: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync({ prefix: "cloud_node_client_" });
  try {
    body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("a client id lasts as long as the state folder", () => {
  withFolder((folder) => {
    const id = clientId(folder);
    assertMatch(id, FORM);
    assertEquals(clientId(folder), id);
    withFolder((other) => assertNotEquals(clientId(other), id));
  });
});

Deno.test("its file is its user's alone, and nothing else is left", () => {
  withFolder((folder) => {
    const umask = Deno.umask(0);
    clientId(folder);
    Deno.umask(umask);
    assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name), ["mqtt_client_id"]);
    assertEquals(Deno.statSync(`${folder}/mqtt_client_id`).mode! & 0o777, 0o600);
  });
});

Deno.test("what is no client id is replaced", () => {
  withFolder((folder) => {
    const path = `${folder}/mqtt_client_id`;
    for (const text of ["", "somebody-else", "cyberwave-cloud-node-0123", "\0".repeat(37)]) {
      Deno.writeTextFileSync(path, text);
      const id = clientId(folder);
      assertMatch(id, FORM);
      assertEquals(clientId(folder), id);
    }
  });
});

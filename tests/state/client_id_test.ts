import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { loadClientId } from "../../src/state/client_id.ts";
import { FakeClock } from "../support/clock.ts";
import { RecordingLogger } from "../support/events.ts";

const PARTS = { clock: new FakeClock(), logger: new RecordingLogger() };
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
    const id = loadClientId(folder, PARTS);
    assertMatch(id, FORM);
    assertEquals(loadClientId(folder, PARTS), id);
    withFolder((other) => assertNotEquals(loadClientId(other, PARTS), id));
  });
});

Deno.test("its file is its user's alone, and nothing else is left", () => {
  withFolder((folder) => {
    const umask = Deno.umask(0);
    loadClientId(folder, PARTS);
    Deno.umask(umask);
    assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name), ["mqtt_client_id"]);
    assertEquals(Deno.statSync(`${folder}/mqtt_client_id`).mode! & 0o777, 0o600);
  });
});

for (const text of ["", "somebody-else", "cyberwave-cloud-node-0123", "\0".repeat(37)]) {
  Deno.test(`what is no client id is set aside: ${JSON.stringify(text)}`, () => {
    withFolder((folder) => {
      const logger = new RecordingLogger();
      Deno.writeTextFileSync(`${folder}/mqtt_client_id`, text);
      const id = loadClientId(folder, { ...PARTS, logger });
      assertMatch(id, FORM);
      assertEquals(loadClientId(folder, { ...PARTS, logger }), id);
      const aside = `${folder}/mqtt_client_id.damaged-2025-01-01T000000.000Z`;
      assertEquals(Deno.readTextFileSync(aside), text);
      assertEquals(logger.shown.length, 1);
    });
  });
}

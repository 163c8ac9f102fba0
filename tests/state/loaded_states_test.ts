import { assertEquals } from "@std/assert";
import { LoadedStates, loadedStates } from "../../src/state/loaded_states.ts";

/** The folder of a test, and its file. */
class Place implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "cloud_node_loaded_" });
  readonly file = `${this.folder}/loaded.json`;

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

Deno.test("the states of workers and servers are read as they were noted, those of an earlier node are not", () => {
  using place = new Place();
  const states = new LoadedStates(place.folder);
  assertEquals(loadedStates(place.folder), {});
  states.note("inference", { state: "starting" });
  states.note("training", { state: "failed", reason: "no such model" });
  states.note("inference", { state: "ready" });
  assertEquals(loadedStates(place.folder), {
    inference: { state: "ready" },
    training: { state: "failed", reason: "no such model" },
  });
  assertEquals(Deno.statSync(place.file).mode! & 0o777, 0o600);
  new LoadedStates(place.folder);
  assertEquals(loadedStates(place.folder), {});
});

Deno.test("a command that comes and goes writes nothing", () => {
  using place = new Place();
  const states = new LoadedStates(place.folder);
  states.note("inference", { state: "ready" });
  Deno.removeSync(place.file);
  for (const state of ["busy", "ready", "busy"]) states.note("inference", { state });
  assertEquals(loadedStates(place.folder), {});
});

Deno.test("a file that is no such file says nothing, and cannot keep a node from its work", () => {
  using place = new Place();
  for (const text of ["", "[]", '{"a":null,"b":{"state":1},"c":{"state":"ready","reason":2}}']) {
    Deno.writeTextFileSync(place.file, text);
    assertEquals(loadedStates(place.folder), text.includes("c") ? { c: { state: "ready" } } : {});
  }
  Deno.removeSync(place.folder, { recursive: true });
  new LoadedStates(place.folder).note("inference", { state: "ready" });
  Deno.mkdirSync(place.folder);
});

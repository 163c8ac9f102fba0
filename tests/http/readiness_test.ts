import { assertEquals } from "@std/assert";
import { unreadyReasons } from "../../src/http/readiness.ts";
import type { NodeSnapshot } from "../../src/node/snapshot.ts";
import { IDLE_SNAPSHOT } from "../support/snapshot.ts";

const TABLE: [Partial<NodeSnapshot>, string[]][] = [
  [{}, []],
  [{ identity: undefined }, ["not_registered"]],
  [{ connection: { ...IDLE_SNAPSHOT.connection, isConnected: false } }, ["mqtt_disconnected"]],
  [{ isDiskFull: true }, ["disk_full"]],
  [{ isDraining: true }, ["draining"]],
  [{ isDraining: true, isStopping: true }, ["draining", "stopping"]],
];

for (const [state, reasons] of TABLE) {
  Deno.test(`readiness: a node takes commands, unless it is ${reasons.join(" and ") || "none of these"}`, () => {
    assertEquals(unreadyReasons({ ...IDLE_SNAPSHOT, ...state }), reasons);
  });
}

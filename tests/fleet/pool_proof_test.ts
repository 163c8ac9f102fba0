import { assert, assertEquals } from "@std/assert";
import { mosquittoAvailable } from "../support/mosquitto.ts";
import { provePool } from "./pool_proof.ts";

Deno.test({
  name:
    "of a pool under load one node is drained, one killed, one upgraded: no command is unaccounted for",
  ignore: !mosquittoAvailable(),
  async fn() {
    const report = await provePool(160);
    assertEquals(report.problems, []);
    assertEquals(report.answered, 160);
    // What is lost is what waited for the node that was killed, and had not come to it before.
    assert(report.lost <= report.expired);
    assert(report.expired > 0, "the broker gives a node that is away its share");
    assertEquals(Object.keys(report.byNode).sort(), ["a", "b", "c", "d"]);
  },
});

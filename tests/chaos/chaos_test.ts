import { assertEquals } from "@std/assert";
import { mosquittoAvailable } from "../support/mosquitto.ts";
import { chaos } from "./chaos.ts";

const CYCLES = 12;

Deno.test({
  name: `no promise breaks while everything is killed, cut and filled up ${CYCLES} times`,
  ignore: !mosquittoAvailable() || Deno.build.os !== "linux",
  async fn() {
    const seed = crypto.getRandomValues(new Uint32Array(1))[0];
    console.log(`To repeat this: deno task chaos --seed ${seed} --cycles ${CYCLES}`);
    assertEquals((await chaos({ seed, cycles: CYCLES })).problems, []);
  },
});

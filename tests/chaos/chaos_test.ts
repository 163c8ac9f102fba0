import { assertEquals } from "@std/assert";
import { mosquittoAvailable } from "../support/mosquitto.ts";
import { chaos } from "./chaos.ts";

const CYCLES = 50;

Deno.test({
  name: `no promise breaks while node and broker are killed ${CYCLES} times`,
  ignore: !mosquittoAvailable(),
  async fn() {
    const seed = crypto.getRandomValues(new Uint32Array(1))[0];
    console.log(`To repeat this: deno task chaos --seed ${seed} --cycles ${CYCLES}`);
    assertEquals((await chaos({ seed, cycles: CYCLES })).problems, []);
  },
});

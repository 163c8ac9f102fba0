import { assert, assertEquals } from "@std/assert";
import { GpuPool } from "../../src/gpu/gpu_pool.ts";

function openPool(names: readonly string[], aliases?: ReadonlyMap<string, string>): GpuPool {
  const pool = new GpuPool({ names, ...(aliases && { aliases }) });
  pool.open();
  return pool;
}

Deno.test("gpu pool: nobody gets what somebody has, and it goes to the next when that gives it back", () => {
  const pool = openPool(["0", "1", "2"]);
  assertEquals(pool.take("a", 2), ["0", "1"]);
  assertEquals([pool.take("b", 2), pool.available], [undefined, 1]);
  assertEquals(pool.take("c", 1), ["2"]);
  pool.release("a");
  assertEquals(pool.take("b", 2), ["0", "1"]);
});

Deno.test("gpu pool: one that needs none gets none, always", () => {
  const pool = openPool(["0"]);
  pool.take("a", 1);
  assertEquals(pool.take("b", 0), []);
});

Deno.test("gpu pool: before it is open nothing is given away", () => {
  const pool = new GpuPool({ names: ["0", "1"] });
  const given: string[] = [];
  assertEquals([pool.available, pool.take("a", 1)], [0, undefined]);
  pool.request("worker", 1, (names) => given.push(...names));
  pool.hold("earlier", ["0"]);
  pool.open();
  assertEquals([given, pool.available], [["1"], 0]);
});

Deno.test("gpu pool: workers and servers wait in a line, and commands do not overtake them", () => {
  const pool = openPool(["0", "1"]);
  const given: string[] = [];
  const ask = (name: string, count: number) =>
    pool.request(name, count, (names) => given.push(`${name} on ${names}`));
  pool.take("a", 1);
  pool.take("b", 1);
  ask("large", 2);
  ask("small", 1);
  pool.release("a");
  assertEquals([given, pool.available, pool.take("c", 1)], [[], 0, undefined]);
  pool.release("large");
  assertEquals(given, ["small on 0"], "one that waits no longer makes room for the next");
});

const HELD: readonly [names: string[] | undefined, isRight: boolean, free: string[]][] = [
  [["1"], true, ["0"]],
  [["GPU-b"], true, ["0"]],
  [["7"], false, ["0", "1"]],
  [["1", "7"], false, ["0"]],
  [[], true, ["0", "1"]],
  // One that was started before GPUs were given may use each of them.
  [undefined, false, []],
];

for (const [names, isRight, free] of HELD) {
  Deno.test(`gpu pool: what an earlier node has started keeps ${names ?? "whatever it has"}`, () => {
    const pool = new GpuPool({ names: ["0", "1"], aliases: new Map([["GPU-b", "1"]]) });
    assertEquals(pool.hold("a", names), isRight);
    pool.open();
    const states = pool.states().filter(({ holders }) => holders.length === 0);
    assertEquals(states.map(({ name }) => name), free);
    pool.release("a");
    assertEquals(pool.available, 2);
  });
}

/** The same numbers for the same seed. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

Deno.test("gpu pool: whatever happens, no GPU has two holders and everybody gets what it waits for", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = numbers(seed);
    const size = 1 + random(4);
    const pool = openPool(Array.from({ length: size }, (_, index) => String(index)));
    const running = new Map<string, number>();
    const waiting = new Set<string>();
    const check = () => {
      const states = pool.states();
      for (const { holders } of states) assert(holders.length <= 1, `seed ${seed}: ${holders}`);
      for (const [holder, count] of running) {
        const own = states.filter(({ holders }) => holders.includes(holder));
        assertEquals(own.length, count, `seed ${seed}: ${holder}`);
      }
    };
    for (let step = 0; step < 60; step++) {
      const name = `h${step}`;
      const count = random(size + 1);
      const action = random(4);
      if (action === 0 && pool.take(name, count) !== undefined) running.set(name, count);
      if (action === 1) {
        const given = pool.request(name, count, () => {
          waiting.delete(name);
          running.set(name, count);
        });
        if (given === undefined) waiting.add(name);
        else running.set(name, count);
      }
      const holders = action === 2 ? [...running.keys()] : action === 3 ? [...waiting] : [];
      const leaver = holders[random(holders.length || 1)];
      if (leaver !== undefined) {
        running.delete(leaver);
        waiting.delete(leaver);
        pool.release(leaver);
      }
      check();
    }
    while (waiting.size > 0) {
      assert(running.size > 0, `seed ${seed}: ${[...waiting]} wait while nobody has any`);
      const [holder] = running.keys();
      running.delete(holder!);
      pool.release(holder!);
      check();
    }
  }
});

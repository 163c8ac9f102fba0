/** Taking samples on a machine that others use as well. */

/** The time between two samples, for the machine to finish what the last one left to do. */
const REST_MS = 10;

/** Measures once. `interleaved` takes the median of what it returns. */
export type Sampler = () => Promise<number>;

/**
 * The median of each sampler. They take turns, so that whatever else the machine does meanwhile
 * slows all of them alike, and each starts from rest. The first rounds only warm them up.
 */
export async function interleaved<Name extends string>(
  samplers: Record<Name, Sampler>,
  rounds: number,
): Promise<Record<Name, number>> {
  const entries = Object.entries(samplers) as [Name, Sampler][];
  const samples = entries.map((): number[] => []);
  const warmUp = Math.ceil(rounds / 10);
  for (let round = -warmUp; round < rounds; round++) {
    for (const [index, [, sampler]] of entries.entries()) {
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
      const sample = await sampler();
      if (round >= 0) samples[index].push(sample);
    }
  }
  const medians = entries.map(([name], index) => [name, median(samples[index])]);
  return Object.fromEntries(medians) as Record<Name, number>;
}

/** How long `action` takes, in milliseconds. */
export async function duration(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

/**
 * Starts `count` actions, `parallel` at a time, and returns the longest time in milliseconds in
 * which none ended.
 */
export async function longestGap(
  action: () => Promise<unknown>,
  { count, parallel }: { count: number; parallel: number },
): Promise<number> {
  let left = count;
  let longest = 0;
  let last = performance.now();
  const one = async () => {
    while (left-- > 0) {
      await action();
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    }
  };
  await Promise.all(Array.from({ length: parallel }, one));
  return longest;
}

/** The middle of the samples. */
export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

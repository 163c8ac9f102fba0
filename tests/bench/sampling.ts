/** Taking samples on a machine that others use as well. */

/** How long the machine has to finish what a sample left behind. */
const REST_MS = 10;

/** Measures once, in whatever unit: what `interleaved` takes the median of. */
export type Sampler = () => Promise<number>;

/**
 * The median of each sampler. They take turns, so that whatever else the machine does meanwhile
 * falls on all of them alike, and each starts from rest. The first rounds only warm them up.
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

function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

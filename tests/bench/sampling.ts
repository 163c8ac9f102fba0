/** Taking samples on a machine that others use as well. */

/** Measures once, in whatever unit: what `interleaved` takes the median of. */
export type Sampler = () => Promise<number>;

/**
 * The median of each sampler. They take turns in small batches, so that whatever else the machine
 * does meanwhile falls on all of them alike. A first round, not counted, warms them up.
 */
export async function interleaved<Name extends string>(
  samplers: Record<Name, Sampler>,
  { rounds, batch = 1 }: { rounds: number; batch?: number },
): Promise<Record<Name, number>> {
  const entries = Object.entries(samplers) as [Name, Sampler][];
  const samples = entries.map((): number[] => []);
  for (let round = 0; round <= rounds; round++) {
    for (const [index, [, sampler]] of entries.entries()) {
      for (let i = 0; i < batch; i++) {
        const sample = await sampler();
        if (round > 0) samples[index].push(sample);
      }
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

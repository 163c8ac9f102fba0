/** Taking samples on a machine that others use as well. */

/** The time between two samples, for the machine to finish what the last one left to do. */
export const REST_MS = 10;

/** Measures once. */
export type Sampler<Sample = number> = () => Promise<Sample>;

/** The median of each sampler, which take turns as in `samplesOf`. */
export async function interleaved<Name extends string>(
  samplers: Record<Name, Sampler>,
  rounds: number,
): Promise<Record<Name, number>> {
  const samples = Object.entries<number[]>(await samplesOf(samplers, rounds));
  const medians = samples.map(([name, values]) => [name, median(values)]);
  return Object.fromEntries(medians) as Record<Name, number>;
}

/**
 * All samples of each sampler. They take turns, so that whatever else the machine does meanwhile
 * slows all of them alike, and each starts from rest. The first rounds only warm them up.
 */
export async function samplesOf<Name extends string, Sample = number>(
  samplers: Record<Name, Sampler<Sample>>,
  rounds: number,
): Promise<Record<Name, Sample[]>> {
  const entries = Object.entries(samplers) as [Name, Sampler<Sample>][];
  const samples = entries.map((): Sample[] => []);
  const warmUp = Math.ceil(rounds / 10);
  for (let round = -warmUp; round < rounds; round++) {
    for (const [index, [, sampler]] of entries.entries()) {
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
      const sample = await sampler();
      if (round >= 0) samples[index].push(sample);
    }
  }
  const named = entries.map(([name], index) => [name, samples[index]]);
  return Object.fromEntries(named) as Record<Name, Sample[]>;
}

/** How long `action` takes, in milliseconds. */
export async function duration(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

/** How many actions there are, and how many at a time. */
interface Load {
  readonly count: number;
  readonly parallel: number;
}

/** Many actions that ran several at a time. */
export interface Burst {
  /** How many ended in a second. */
  readonly perSecond: number;
  /** How long each took, in milliseconds. */
  readonly latencies: readonly number[];
}

/** Runs actions several at a time. */
export async function burst(action: () => Promise<unknown>, load: Load): Promise<Burst> {
  const latencies: number[] = [];
  const one = async () => latencies.push(await duration(action));
  const total = await duration(() => severalAtATime(one, load));
  return { perSecond: load.count / (total / 1000), latencies };
}

/** Runs actions several at a time, and returns the longest time in milliseconds in which none ended. */
export async function longestGap(action: () => Promise<unknown>, load: Load): Promise<number> {
  let longest = 0;
  let last = performance.now();
  await severalAtATime(async () => {
    await action();
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, load);
  return longest;
}

async function severalAtATime(
  action: () => Promise<unknown>,
  { count, parallel }: Load,
): Promise<void> {
  let left = count;
  const one = async () => {
    while (left-- > 0) await action();
  };
  await Promise.all(Array.from({ length: parallel }, one));
}

/** The middle of the samples. */
export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The sample than which `percent` of all are not larger. */
export function percentile(samples: readonly number[], percent: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * percent / 100) - 1)];
}

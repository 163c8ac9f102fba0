/**
 * Measures what workloads use while they run: every few seconds it reads the usage of all of them
 * at once.
 *
 * @module
 */
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { SeenProcess } from "../../os/operating_system.ts";
import type { ProcessIdentity } from "../../os/process_identity.ts";
import { inspectUsage, type ProcessUsage } from "../../os/process_usage.ts";
import { listProcesses } from "../../os/processes.ts";
import type { Resources } from "../../protocol/resources.ts";
import type { Clock } from "../../time.ts";
import { membersOf } from "./members.ts";
import { CLAIM_VARIABLE } from "./supervisor_script.ts";

/** What workloads are measured with. */
interface MeterOptions {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How often the meter measures. */
const LOOK_MS = 5_000;

/** How soon it may measure again for a workload that has not been measured yet. */
const SOON_MS = 2_000;

/** How long a workload must have run before it is measured: many end sooner. */
const SETTLED_MS = 1_000;

/** What one workload has used so far. */
export class Measurement {
  readonly process: ProcessIdentity;
  readonly since: number;
  #resources: Resources | undefined;
  #pids: readonly number[] = [];

  /** Begins with nothing known of a workload whose supervisor is `process`. */
  constructor(process: ProcessIdentity, since: number) {
    this.process = process;
    this.since = since;
  }

  /** The last measurement; `undefined`: there is none. */
  get resources(): Resources | undefined {
    return this.#resources;
  }

  /** Its processes at the last measurement. */
  get pids(): readonly number[] {
    return this.#pids;
  }

  /** Adds a measurement of its processes. */
  add(members: readonly (SeenProcess & { readonly usage: ProcessUsage })[]): void {
    this.#pids = members.map(({ pid }) => pid);
    if (members.length > 0) this.#resources = addLook(this.#resources, members);
  }
}

/** The usage after another measurement of a workload's processes. Pure. */
export function addLook(
  before: Resources | undefined,
  members: readonly (Pick<SeenProcess, "cpuSeconds"> & { readonly usage: ProcessUsage })[],
): Resources {
  const sum = (amount: (member: (typeof members)[number]) => number | undefined) => {
    const known = members.flatMap((member) => amount(member) ?? []);
    return known.length === 0 ? undefined : known.reduce((total, each) => total + each, 0);
  };
  // Processes that have ended since the last measurement have used this, too.
  const atLeast = (earlier: number | undefined, ...now: (number | undefined)[]) => {
    const known = [earlier, ...now].filter((each) => each !== undefined);
    return known.length === 0 ? undefined : Math.max(...known);
  };
  const found = {
    cpuSeconds: atLeast(before?.cpuSeconds, sum(({ cpuSeconds }) => cpuSeconds)),
    peakMemoryBytes: atLeast(
      before?.peakMemoryBytes,
      sum(({ usage }) => usage.memoryBytes),
      ...members.map(({ usage }) => usage.peakBytes),
    ),
    readBytes: atLeast(before?.readBytes, sum(({ usage }) => usage.readBytes)),
    writtenBytes: atLeast(before?.writtenBytes, sum(({ usage }) => usage.writtenBytes)),
  };
  return Object.fromEntries(Object.entries(found).filter(([, amount]) => amount !== undefined));
}

/** Measures once what the workloads of these supervisors use. */
export async function measureOnce(supervisors: readonly ProcessIdentity[]): Promise<Measurement[]> {
  const measurements = supervisors.map((process) => new Measurement(process, 0));
  await look(measurements);
  return measurements;
}

/** Measures workloads. */
export class Meter {
  readonly #options: MeterOptions;
  readonly #followed = new Set<Measurement>();
  readonly #closing = new AbortController();
  #lastLook = -Infinity;
  #running: Promise<void> | undefined;

  /** Measures nothing yet. */
  constructor(options: MeterOptions) {
    this.#options = options;
  }

  /** Measures a workload until `ended` resolves. */
  follow(process: ProcessIdentity, ended: Promise<unknown>): Measurement {
    const measurement = new Measurement(process, this.#options.clock.monotonic());
    this.#followed.add(measurement);
    ended.then(() => this.#followed.delete(measurement));
    this.#running ??= this.#run();
    return measurement;
  }

  /** Stops measuring. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#closing;
    while (this.#followed.size > 0 && !signal.aborted) {
      await clock.sleep(SETTLED_MS, signal).catch(() => {});
      if (signal.aborted || !this.#isDue()) continue;
      this.#lastLook = clock.monotonic();
      try {
        await look([...this.#followed]);
      } catch (error) {
        logger.debug(`Cannot measure what workloads use: ${messageOf(error)}`);
      }
    }
    this.#running = undefined;
  }

  #isDue(): boolean {
    const now = this.#options.clock.monotonic();
    if (this.#followed.size === 0 || now - this.#lastLook < SOON_MS) return false;
    return now - this.#lastLook >= LOOK_MS ||
      this.#followed.values().some(({ resources, since }) =>
        resources === undefined && now - since >= SETTLED_MS
      );
  }
}

/** Looks at the processes of workloads; their supervisors and what copies their output are no part of them. */
async function look(measurements: readonly Measurement[]): Promise<void> {
  const { processes } = await listProcesses([]);
  const byPid = new Map(processes.map((process) => [process.pid, process]));
  const nothing = { marked: NONE, supervising: NONE, holding: NONE };
  const found = measurements.map(({ process }) => membersOf(process, { processes, ...nothing }));
  const { usage, holding } = await inspectUsage([...new Set(found.flat())], `${CLAIM_VARIABLE}=`);
  for (const [index, measurement] of measurements.entries()) {
    const members = found[index]!.filter((pid) => usage.has(pid) && !holding.has(pid));
    measurement.add(members.map((pid) => ({ ...byPid.get(pid)!, usage: usage.get(pid)! })));
  }
}

const NONE: ReadonlySet<number> = new Set();

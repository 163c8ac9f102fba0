/**
 * What a cluster said of jobs, kept for a while where each question is a call.
 *
 * @module
 */
import type { Clock } from "../../time.ts";
import type { Job } from "./cluster.ts";
import type { KnownJob } from "./folder_cluster.ts";

/** Asks about jobs, and remembers the answers. */
export class SeenJobs {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #ask: (job: Job) => Promise<KnownJob | undefined>;
  /** The last answer about a job, by attempt, and when it was asked for. */
  readonly #seen = new Map<string, { at: number; job: Promise<KnownJob | undefined> }>();

  /** `ask` asks the cluster. */
  constructor(
    clock: Pick<Clock, "monotonic">,
    ask: (job: Job) => Promise<KnownJob | undefined>,
  ) {
    this.#clock = clock;
    this.#ask = ask;
  }

  /** A job as of `maxAgeMs` ago or later; `undefined`: there is none. */
  async find(job: Job, maxAgeMs: number): Promise<KnownJob | undefined> {
    const now = this.#clock.monotonic();
    const seen = this.#seen.get(job.attempt);
    if (seen !== undefined && now - seen.at < maxAgeMs) return await seen.job;
    const asked = this.#ask(job);
    this.#seen.set(job.attempt, { at: now, job: asked });
    const known = await asked;
    // Nothing more is asked about it.
    if (known === undefined || known.phase === "ended") this.forget(job);
    return known;
  }

  /** What was said of a job holds no longer. */
  forget({ attempt }: Job): void {
    this.#seen.delete(attempt);
  }
}

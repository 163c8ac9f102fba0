/**
 * Calls of Slurm's programs.
 *
 * @module
 */
import { CloudNodeError } from "../../errors.ts";
import { askShell, NO_SUCH_PROGRAM } from "../../os/ask_shell.ts";
import { type Clock, within } from "../../time.ts";
import { parseSqueue, phaseOf, type SlurmJob, SQUEUE } from "./squeue.ts";

/** Slurm did not do what it was asked. */
export class SlurmError extends CloudNodeError {
  /** Always 1. */
  readonly exitCode = 1;
}

/** How long a program may take, in milliseconds: they try for a while by themselves. */
const CALL_MS = 60_000;

/** What they say when Slurm has not refused something, but could not be asked. */
const UNASKED =
  /contact|timed? ?out|temporar|try(ing)? again|standby|not connected|connection|zero bytes|communicat|configuration source|socket|busy/i;

/** Whether a program says that it could not ask Slurm. */
export function isUnasked(stderr: string): boolean {
  return UNASKED.test(stderr);
}

/** The last line of what a program said. */
export function lastLineOf(text: string): string {
  return text.trim().split("\n").at(-1)!;
}

/** Calls them. */
export class SlurmCalls {
  readonly #given: readonly string[];
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  #listing: Promise<readonly SlurmJob[]> | undefined;
  #listedAt = 0;

  /** Takes from an environment where the programs and slurm.conf are, and nothing else. */
  constructor({ PATH, SLURM_CONF }: Readonly<Record<string, string>>, clock: Clock) {
    this.#given = Object.entries({ PATH, SLURM_CONF })
      .flatMap(([name, value]) => value === undefined ? [] : [`${name}=${value}`]);
    this.#clock = clock;
  }

  /**
   * Runs one. It sees next to nothing of the environment: what sbatch sees becomes part of the job,
   * for others to look at. Throws when it takes too long.
   */
  async run(words: readonly string[]): Promise<Awaited<ReturnType<typeof askShell>>> {
    const args = ["-c", 'exec env "$@"', "sh", ...this.#given, ...words];
    let answer: Awaited<ReturnType<typeof askShell>> | undefined;
    await within(CALL_MS, this.#clock, async (tooLate) => {
      answer = await askShell("sh", args, AbortSignal.any([tooLate, this.#closing.signal]));
      if (tooLate.aborted) throw new SlurmError(`${words[0]} took longer than ${CALL_MS / 1000} s`);
      this.#closing.signal.throwIfAborted();
    });
    // What is listed may be different now.
    if (words[0] !== SQUEUE[0]) this.#listing = undefined;
    return answer!;
  }

  /**
   * The latest job of an attempt, as of `maxAgeMs` ago or later: the number of a job is used again,
   * its comment is not. Throws when Slurm does not say.
   */
  async find(attempt: string, maxAgeMs: number): Promise<SlurmJob | undefined> {
    const now = this.#clock.monotonic();
    if (this.#listing === undefined || now - this.#listedAt >= maxAgeMs) {
      this.#listedAt = now;
      this.#listing = this.#list();
    }
    const own = (await this.#listing).filter((job) => job.attempt === attempt);
    return own.find((job) => phaseOf(job) !== "ended") ?? own.at(-1);
  }

  /** Ends the calls that go on. */
  close(): void {
    this.#closing.abort(new SlurmError("The node stops"));
  }

  async #list(): Promise<readonly SlurmJob[]> {
    const { code, stdout, stderr } = await this.run(SQUEUE);
    if (code === NO_SUCH_PROGRAM) throw new SlurmError("squeue was not found");
    if (code !== 0) throw new SlurmError(lastLineOf(stderr) || `squeue failed with code ${code}`);
    return parseSqueue(stdout);
  }
}

/**
 * Slurm: how its jobs are made, found and stopped.
 *
 * @module
 */
import { basename } from "node:path";
import { NO_SUCH_PROGRAM } from "../../os/ask_shell.ts";
import type { StopSignal } from "../../os/process_identity.ts";
import type { Clock } from "../../time.ts";
import type { Job, Submission } from "../cluster/cluster.ts";
import type { JobEngine, KnownJob } from "../cluster/folder_cluster.ts";
import { JOB_FILE, JOB_LOG } from "../cluster/job_script.ts";
import { isUnasked, lastLineOf, SlurmCalls, SlurmError } from "./slurm_calls.ts";
import { endOf, whyEnded } from "./slurm_end.ts";
import { phaseOf } from "./squeue.ts";

/** What making Slurm jobs takes. */
interface SlurmOptions {
  /** More arguments of sbatch. */
  readonly options: readonly string[];
  /** Where Slurm's programs and slurm.conf are. */
  readonly env: Readonly<Record<string, string>>;
  /** Where templates run. */
  readonly workFolder: string;
  readonly clock: Clock;
}

/** Makes, finds and stops Slurm jobs. */
export class Slurm implements JobEngine {
  readonly title = "Slurm";
  readonly putsBack = true;
  readonly script = { ofJob: /^SLURM(D|_(?!CONF$))/ };
  readonly #options: SlurmOptions;
  readonly #calls: SlurmCalls;

  /** Asks nothing yet. */
  constructor(options: SlurmOptions) {
    this.#options = options;
    this.#calls = new SlurmCalls(options.env, options.clock);
  }

  async find({ attempt }: Job, maxAgeMs: number): Promise<KnownJob | undefined> {
    const job = await this.#calls.find(attempt, maxAgeMs);
    return job && { ...job, phase: phaseOf(job), end: endOf(job), ended: whyEnded(job) };
  }

  async create(job: Job): Promise<Submission> {
    const { code, stdout, stderr } = await this.#calls.run(this.#sbatch(job));
    if (code === 0) return { name: stdout.trim().split(";")[0]! };
    const why = lastLineOf(stderr) || `sbatch failed with code ${code}`;
    if (code === NO_SUCH_PROGRAM) return { problem: "sbatch was not found: is Slurm installed?" };
    if (isUnasked(stderr) || await this.#calls.find(job.attempt, 0) !== undefined) {
      throw new SlurmError(why);
    }
    return { problem: why };
  }

  async signal(job: Job, known: KnownJob, signal: StopSignal): Promise<void> {
    if (known.phase === "waiting") return await this.#removeWaiting(job, known);
    const how = ["--full", "--state=RUNNING", `--signal=${signal.replace("SIG", "")}`];
    await this.#cancel(job, known, how);
    // What is suspended, or about to begin, takes no signal.
    if (signal === "SIGKILL") await this.remove(job, known);
  }

  async remove(job: Job, known: KnownJob): Promise<void> {
    await this.#cancel(job, known, []);
  }

  close(): void {
    this.#calls.close();
  }

  async #removeWaiting(job: Job, known: KnownJob): Promise<void> {
    await this.#cancel(job, known, ["--state=PENDING"]);
    const latest = await this.find(job, 0);
    // It may have begun meanwhile, so that this removed nothing.
    if (latest !== undefined && latest.phase !== "ended") {
      throw new SlurmError(`job ${known.id} begins`);
    }
  }

  async #cancel(job: Job, { id }: KnownJob, how: readonly string[]): Promise<void> {
    const words = ["scancel", `--name=${nameOf(job)}`, ...how, id];
    const { code, stderr } = await this.#calls.run(words);
    if (code !== 0 && isUnasked(stderr)) throw new SlurmError(lastLineOf(stderr));
  }

  #sbatch(job: Job): string[] {
    const { options, workFolder } = this.#options;
    const { path } = job.folder;
    return [
      ...["sbatch", "--parsable", "--no-requeue", "--export=ALL", "--open-mode=append"],
      ...[`--job-name=${nameOf(job)}`, `--comment=${job.attempt}`],
      ...[`--output=${path.replaceAll("%", "%%")}/${JOB_LOG}`, `--chdir=${workFolder}`],
      ...options,
      `${path}/${JOB_FILE}`,
    ];
  }
}

function nameOf({ folder }: Job): string {
  return `cn-${basename(folder.path)}`;
}

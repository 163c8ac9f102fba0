/**
 * Slurm: a job for each command, whose claim and exit code are files in a folder that both sides share.
 *
 * @module
 */
import * as fs from "node:fs";
import { basename } from "node:path";
import type { BodyForm } from "../../config/node_config.ts";
import { messageOf, quoted } from "../../errors.ts";
import { NO_SUCH_PROGRAM } from "../../os/ask_shell.ts";
import type { StopSignal } from "../../os/process_identity.ts";
import type { Host } from "../../os/processes.ts";
import { readRegularFile } from "../../os/regular_file.ts";
import type { Clock } from "../../time.ts";
import { PARAMS_FILE, type WorkloadFolder } from "../../workloads/folder.ts";
import type { Cluster, Job, JobStatus, Submission } from "../cluster/cluster.ts";
import type { Exit, Work } from "../executor.ts";
import { SIGKILL_CODE } from "../exit_code.ts";
import { type Claim, claimForNode, readClaim } from "../process/claim.ts";
import { commandProgram } from "../process/command_program.ts";
import { JOB_FILE, JOB_LOG, slurmJobFiles } from "./slurm_job.ts";
import { isUnasked, lastLineOf, SlurmCalls, SlurmError } from "./slurm_calls.ts";
import { endOf, whyEnded } from "./slurm_end.ts";
import { phaseOf, type SlurmJob } from "./squeue.ts";

/** What running commands as Slurm jobs takes. */
export interface SlurmOptions {
  /** Shell command templates, or names of Python files, by the kind of command. */
  readonly templates: Readonly<Partial<Record<string, string>>>;
  /** More arguments of sbatch. */
  readonly options: readonly string[];
  /** What `{body}` is, by the kind of command. Default: JSON. */
  readonly body?: Readonly<Partial<Record<string, BodyForm>>>;
  /** The Python that runs functions of files. Default: that of `.venv`, else the system's. */
  readonly python?: string;
  /** The environment of all workloads. */
  readonly env: Readonly<Record<string, string>>;
  /** Where templates run. */
  readonly workFolder: string;
  readonly maxOutputFiles: number;
  readonly host: Host;
  readonly clock: Clock;
  /** How old the list of jobs may be, in milliseconds. Default: 5 s. */
  readonly listMs?: number;
}

/** How long the exit code of a job that has ended may take to appear in a shared folder. */
const APPEARING_MS = 10_000;

/** How old the list of jobs may be when one of them is being stopped, in milliseconds. */
const STOPPED_LIST_MS = 1_000;

/** The exit codes of what SIGTERM or SIGKILL has ended. */
const SIGNALLED: readonly number[] = [143, SIGKILL_CODE];

/** An end with an exit code. */
type Exited = Extract<Exit, { type: "exited" }>;

/** Runs commands as Slurm jobs. */
export class Slurm implements Cluster {
  readonly title = "Slurm";
  readonly lookMs = 250;
  readonly #options: SlurmOptions;
  readonly #calls: SlurmCalls;
  /** The jobs whose exit code is missing, by attempt: since when, and what Slurm said of them. */
  readonly #missing = new Map<string, { readonly since: number; readonly known?: SlurmJob }>();

  /** Asks nothing yet. */
  constructor(options: SlurmOptions) {
    this.#options = options;
    this.#calls = new SlurmCalls(options.env, options.clock);
  }

  async submit(job: Job, work: Work, isRepeat: boolean): Promise<Submission> {
    const { attempt, folder } = job;
    if (isRepeat) {
      const known = await this.#calls.find(job.attempt, 0);
      if (known !== undefined) return { name: known.id };
      if (readClaim(folder, attempt).by === "supervisor") return { name: "of an earlier try" };
    } else {
      const problem = this.#writeFiles(job, work);
      if (problem !== undefined) return { problem };
    }
    const { code, stdout, stderr } = await this.#calls.run(this.#sbatch(job));
    if (code === 0) return { name: stdout.trim().split(";")[0]! };
    const why = lastLineOf(stderr) || `sbatch failed with code ${code}`;
    if (code === NO_SUCH_PROGRAM) return { problem: "sbatch was not found: is Slurm installed?" };
    if (isUnasked(stderr) || await this.#calls.find(attempt, 0) !== undefined) {
      throw new SlurmError(why);
    }
    claimForNode(folder, attempt);
    return { problem: why };
  }

  async look(job: Job, stopped: StopSignal | undefined): Promise<JobStatus> {
    const { attempt, folder } = job;
    const { listMs = 5_000 } = this.#options;
    let claim = readClaim(folder, attempt);
    const exit = exitIn(claim);
    if (exit !== undefined) return await this.#ended(job, exit, stopped);
    if (claim.by === "nobody" && stopped !== undefined) claim = claimForNode(folder, attempt);
    if (claim.by === "node" && stopped !== undefined) return ended(neverBegan("it was stopped"));
    const known = await this.#calls.find(attempt, stopped === undefined ? listMs : STOPPED_LIST_MS);
    const phase = known === undefined ? "ended" : phaseOf(known);
    if (phase === "running") return { type: "running", ageMs: known!.ageMs };
    if (phase === "waiting") return await this.#waiting(job, claim, known!);
    // It may have ended since its claim was read.
    const latest = readClaim(folder, attempt);
    const latestExit = exitIn(latest);
    if (latestExit !== undefined) return await this.#ended(job, latestExit, stopped);
    return latest.by === "supervisor" || latest.by === "nobody" && !folder.exists
      ? this.#endWithoutCode(job, known, stopped)
      : this.#neverBegan(job, known);
  }

  async stop(job: Job, signal: StopSignal): Promise<void> {
    const known = await this.#calls.find(job.attempt, 0);
    if (known === undefined || phaseOf(known) === "ended") return;
    const name = `--name=${nameOf(job)}`;
    const isWaiting = phaseOf(known) === "waiting";
    const how = isWaiting
      ? ["--state=PENDING"]
      : ["--full", "--state=RUNNING", `--signal=${signal.replace("SIG", "")}`];
    const { code, stderr } = await this.#calls.run(["scancel", name, ...how, known.id]);
    if (code !== 0 && isUnasked(stderr)) throw new SlurmError(lastLineOf(stderr));
    // It may have begun meanwhile, so that this removed nothing.
    if (isWaiting && this.#isAlive(await this.#calls.find(job.attempt, 0))) {
      throw new SlurmError(`job ${known.id} begins`);
    }
    if (signal === "SIGKILL" && !isWaiting) {
      // What is suspended, or about to begin, takes no signal.
      await this.#calls.run(["scancel", name, known.id]);
    }
  }

  close(): void {
    this.#calls.close();
  }

  stored({ attempt }: Job): void {
    this.#missing.delete(attempt);
  }

  #isAlive(job: SlurmJob | undefined): boolean {
    return job !== undefined && phaseOf(job) !== "ended";
  }

  /** Writes what the job reads. Returns why that cannot be done. */
  #writeFiles({ attempt, folder }: Job, { kind, params, env, files }: Work): string | undefined {
    const { templates, python, body = {}, workFolder, maxOutputFiles, host } = this.#options;
    const template = templates[kind];
    if (template === undefined) return `there is no template for ${kind}`;
    const program = commandProgram({ template, kind, params, folder, python, body: body[kind] });
    if ("problem" in program) return program.problem;
    const all = { ...this.#options.env, ...env, ...program.variables };
    const { source } = program;
    const options = { attempt, folder, workFolder, source, env: all, maxOutputFiles, host };
    try {
      folder.create();
      const own = [{ name: PARAMS_FILE, bytes: params }, ...slurmJobFiles(options)];
      for (const file of [...own, ...files, ...program.files]) {
        // An earlier attempt that never began may have left it.
        fs.rmSync(`${folder.path}/${file.name}`, { force: true });
        folder.write(file);
      }
      fs.rmSync(`${folder.path}/${JOB_LOG}`, { force: true });
    } catch (error) {
      return `its files could not be written: ${messageOf(error)}`;
    }
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

  /** How a job has ended that wrote its exit code: a signal is explained by Slurm, which sent it. */
  async #ended(job: Job, exit: Exited, stopped: StopSignal | undefined): Promise<JobStatus> {
    if (stopped !== undefined || !SIGNALLED.includes(exit.code)) return ended(exit);
    let known: SlurmJob | undefined;
    try {
      known = await this.#calls.find(job.attempt, STOPPED_LIST_MS);
    } catch {
      return ended(exit);
    }
    if (known === undefined) return ended(exit);
    if (phaseOf(known) === "waiting") return await this.#backInQueue(job, known);
    if (phaseOf(known) === "running" && !this.#isOverdue(job, known)) {
      return { type: "running", ageMs: known.ageMs };
    }
    return ended(endOf(known) ?? exit);
  }

  /** Whether it is long since a job was first seen to have ended. */
  #isOverdue({ attempt }: Job, known: SlurmJob | undefined): boolean {
    const now = this.#options.clock.monotonic();
    const { since = now, known: before } = this.#missing.get(attempt) ?? {};
    // Slurm may forget it meanwhile.
    this.#missing.set(attempt, { since, known: known ?? before });
    return now - since >= APPEARING_MS;
  }

  /** A job that waits. */
  async #waiting(job: Job, claim: Claim, known: SlurmJob): Promise<JobStatus> {
    if (claim.by === "nobody") return { type: "waiting", reason: known.reason };
    if (claim.by === "node") {
      await this.#remove(job, known);
      return { type: "absent" };
    }
    return await this.#backInQueue(job, known);
  }

  /** A job that has begun and waits again. Its claim is made, so that it never begins again. */
  async #backInQueue(job: Job, known: SlurmJob): Promise<JobStatus> {
    // What was listed may be from before it began.
    const latest = await this.#calls.find(job.attempt, 0);
    if (latest === undefined || phaseOf(latest) !== "waiting") return { type: "running", ageMs: 0 };
    await this.#remove(job, known);
    return ended({ type: "lost", why: `Slurm put job ${known.id} back into the queue` });
  }

  async #remove(job: Job, { id }: SlurmJob): Promise<void> {
    await this.#calls.run(["scancel", `--name=${nameOf(job)}`, id]);
  }

  /** A job that began and left no exit code. */
  #endWithoutCode(
    job: Job,
    known: SlurmJob | undefined,
    stopped: StopSignal | undefined,
  ): JobStatus {
    if (stopped === "SIGKILL") return ended({ type: "killed", signal: "SIGKILL" });
    if (!job.folder.exists) return ended({ type: "lost", why: "its folder was removed" });
    if (!this.#isOverdue(job, known)) return { type: "running", ageMs: known?.ageMs ?? 0 };
    const last = this.#missing.get(job.attempt)?.known;
    if (last === undefined) {
      return ended({
        type: "lost",
        why: "Slurm has no such job any more, and it left no exit code",
      });
    }
    // Nothing but SIGKILL keeps its script from writing the exit code.
    return ended(endOf(last) ?? { type: "killed", signal: "SIGKILL" });
  }

  /** A job of which nobody has made the claim, and which Slurm has no more, or has ended. */
  #neverBegan({ attempt, folder }: Job, known: SlurmJob | undefined): JobStatus {
    switch (claimForNode(folder, attempt).by) {
      case "supervisor":
        return { type: "running", ageMs: 0 };
      case "nobody":
        return ended({ type: "lost", why: "its folder was removed" });
      case "node":
        if (known === undefined) return { type: "absent" };
    }
    const said = logOf(folder) || `is ${quoted(folder.path)} there, on the computer that ran it?`;
    return ended(neverBegan(`${whyEnded(known)} before it began: ${said}`));
  }
}

function nameOf({ folder }: Job): string {
  return `cn-${basename(folder.path)}`;
}

function exitIn(claim: Claim): Exited | undefined {
  if (claim.by !== "supervisor" || claim.code === undefined) return undefined;
  return { type: "exited", code: claim.code };
}

function ended(exit: Exit): JobStatus {
  return { type: "ended", exit };
}

function neverBegan(why: string): Exit {
  return { type: "not_started", why };
}

/** What the script of a job said itself, on one line. */
function logOf(folder: WorkloadFolder): string {
  try {
    const bytes = readRegularFile(`${folder.path}/${JOB_LOG}`, 4096);
    return lastLineOf(new TextDecoder().decode(bytes));
  } catch {
    return "";
  }
}

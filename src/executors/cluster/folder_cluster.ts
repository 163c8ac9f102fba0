/**
 * A cluster whose jobs share a folder with the node. The claim of a job, a file there, shows
 * whether the job began and how it ended; what the cluster reports explains the rest.
 *
 * @module
 */
import * as fs from "node:fs";
import type { BodyForm } from "../../config/node_config.ts";
import { messageOf, quoted } from "../../errors.ts";
import type { StopSignal } from "../../os/process_identity.ts";
import type { Host } from "../../os/processes.ts";
import { readRegularFile } from "../../os/regular_file.ts";
import type { Clock } from "../../time.ts";
import { PARAMS_FILE, type WorkloadFolder } from "../../workloads/folder.ts";
import type { Exit, Work } from "../executor.ts";
import { SIGKILL_CODE } from "../exit_code.ts";
import { type Claim, claimForNode, claimPath, readClaim } from "../process/claim.ts";
import { commandProgram } from "../process/command_program.ts";
import type { Cluster, Job, JobStatus, Submission } from "./cluster.ts";
import { JOB_LOG, jobFiles, type JobScriptOptions, removeOrders } from "./job_script.ts";

/** What commands are run with as jobs of such a cluster. */
interface FolderClusterOptions {
  /** Shell command templates, or names of Python files, by the kind of command. */
  readonly templates: Readonly<Partial<Record<string, string>>>;
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
  /** How old a report of the cluster about a job may be, in milliseconds. Default: 5 s. */
  readonly listMs?: number;
}

/** A job as the cluster knows it. */
export interface KnownJob {
  /** What the cluster calls it. */
  readonly id: string;
  readonly phase: "waiting" | "running" | "ended";
  /** How long it has run, in milliseconds. Default: the cluster does not say. */
  readonly ageMs?: number;
  /** Why it is in its state; `""`: the cluster does not say. */
  readonly reason: string;
  /** How it ended, where the cluster knows; it counts when the job left no exit code. */
  readonly end?: Exit;
  /** That the cluster has ended it, and why, as a sentence says it. */
  readonly ended: string;
}

/** What is particular to a cluster. Any error means that nothing is known now. */
export interface JobEngine {
  /** What messages call it. */
  readonly title: string;
  /** Whether it may put a job that has begun back into its queue. */
  readonly putsBack: boolean;
  /** What is particular to its jobs. */
  readonly script: Pick<JobScriptOptions, "ofJob" | "keepsPath">;
  /** The job of an attempt, as of `maxAgeMs` ago or later; `undefined`: there is none. */
  find(job: Job, maxAgeMs: number): Promise<KnownJob | undefined>;
  /** Makes the job, which runs the script in its folder. */
  create(job: Job, work: Work): Promise<Submission>;
  /** Sends a signal to all of a job that runs, and removes one that waits. */
  signal(job: Job, known: KnownJob, signal: StopSignal): Promise<void>;
  /** Removes a job that waits and shall not run. */
  remove(job: Job, known: KnownJob): Promise<void>;
  /** Interrupts its calls. */
  close(): void;
}

/** How long the exit code of a job that has ended may take to appear in a shared folder. */
const APPEARING_MS = 10_000;

/** How old a report of the cluster may be while a job is being stopped, in milliseconds. */
const STOPPED_LIST_MS = 1_000;

/** The exit codes of what SIGTERM or SIGKILL has ended. */
const SIGNALLED: readonly number[] = [143, SIGKILL_CODE];

/** An end with an exit code. */
type Exited = Extract<Exit, { type: "exited" }>;

/** Runs commands as jobs that share a folder with the node. */
export class FolderCluster implements Cluster {
  readonly lookMs = 250;
  readonly #engine: JobEngine;
  readonly #options: FolderClusterOptions;
  /** The jobs whose exit code is missing, by attempt: since when, and what was said of them. */
  readonly #missing = new Map<string, { readonly since: number; readonly known?: KnownJob }>();

  /** Asks nothing yet. */
  constructor(engine: JobEngine, options: FolderClusterOptions) {
    this.#engine = engine;
    this.#options = options;
  }

  get title(): string {
    return this.#engine.title;
  }

  async submit(job: Job, work: Work, isRepeat: boolean): Promise<Submission> {
    if (isRepeat) {
      const known = await this.#engine.find(job, 0);
      if (known !== undefined) return { name: known.id };
      const claim = readClaim(job.folder, job.attempt);
      if (claim.by === "supervisor") return { name: "of an earlier try" };
    } else {
      const problem = this.#writeFiles(job, work);
      if (problem !== undefined) return { problem };
    }
    const submission = await this.#engine.create(job, work);
    if ("problem" in submission) {
      claimForNode(job.folder, job.attempt);
      removeOrders(job.folder);
    }
    return submission;
  }

  async look(job: Job, stopped: StopSignal | undefined): Promise<JobStatus> {
    const status = await this.#look(job, stopped);
    if (status.type === "ended" || status.type === "absent") removeOrders(job.folder);
    return status;
  }

  async #look(job: Job, stopped: StopSignal | undefined): Promise<JobStatus> {
    const { attempt, folder } = job;
    const { listMs = 5_000 } = this.#options;
    let claim = readClaim(folder, attempt);
    const exit = exitIn(claim);
    if (exit !== undefined) return await this.#ended(job, exit, stopped);
    if (claim.by === "nobody" && stopped !== undefined) claim = claimForNode(folder, attempt);
    if (claim.by === "node" && stopped !== undefined) return ended(neverBegan("it was stopped"));
    const maxAge = stopped === undefined ? listMs : STOPPED_LIST_MS;
    const known = await this.#engine.find(job, maxAge);
    if (known?.phase === "running") {
      return { type: "running", ageMs: known.ageMs ?? this.#ageOf(job) };
    }
    if (known?.phase === "waiting") return await this.#waiting(job, claim, known);
    // It may have ended since its claim was read.
    const latest = readClaim(folder, attempt);
    const latestExit = exitIn(latest);
    if (latestExit !== undefined) return await this.#ended(job, latestExit, stopped);
    return latest.by === "supervisor" || latest.by === "nobody" && !folder.exists
      ? this.#endWithoutCode(job, known, stopped)
      : this.#neverBegan(job, known);
  }

  async stop(job: Job, signal: StopSignal): Promise<void> {
    const known = await this.#engine.find(job, 0);
    if (known === undefined || known.phase === "ended") return;
    await this.#engine.signal(job, known, signal);
  }

  close(): void {
    this.#engine.close();
  }

  stored({ attempt }: Job): void {
    this.#missing.delete(attempt);
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
    const script = { attempt, folder, workFolder, source, env: all, maxOutputFiles, host };
    try {
      folder.create();
      const own = jobFiles({ ...script, ...this.#engine.script });
      const given = [{ name: PARAMS_FILE, bytes: params }, ...files, ...program.files];
      for (const file of [...own, ...given]) {
        // An earlier attempt that never began may have left it.
        fs.rmSync(`${folder.path}/${file.name}`, { force: true });
        folder.write(file);
      }
    } catch (error) {
      return `its files could not be written: ${messageOf(error)}`;
    }
  }

  /** How a job has ended that wrote its exit code: a signal is explained by the cluster that sent it. */
  async #ended(job: Job, exit: Exited, stopped: StopSignal | undefined): Promise<JobStatus> {
    if (stopped !== undefined || !SIGNALLED.includes(exit.code)) return ended(exit);
    let known: KnownJob | undefined;
    try {
      known = await this.#engine.find(job, STOPPED_LIST_MS);
    } catch {
      return ended(exit);
    }
    if (known === undefined) return ended(exit);
    if (known.phase === "waiting" && this.#engine.putsBack) {
      return await this.#backInQueue(job, known);
    }
    if (known.phase !== "ended" && !this.#isOverdue(job, known)) {
      return { type: "running", ageMs: this.#ageOf(job) };
    }
    return ended(known.end ?? exit);
  }

  /** Whether it is long since a job was first seen to have ended. */
  #isOverdue({ attempt }: Job, known: KnownJob | undefined): boolean {
    const now = this.#options.clock.monotonic();
    const { since = now, known: before } = this.#missing.get(attempt) ?? {};
    // The cluster may forget it meanwhile.
    this.#missing.set(attempt, { since, known: known ?? before });
    return now - since >= APPEARING_MS;
  }

  /** How long it is since a job began, by the clocks of both computers. */
  #ageOf({ attempt, folder }: Job): number {
    const begun = fs.lstatSync(claimPath(folder, attempt), { throwIfNoEntry: false })?.mtimeMs;
    return begun === undefined ? 0 : Math.max(0, this.#options.clock.now() - begun);
  }

  /** A job that waits. */
  async #waiting(job: Job, claim: Claim, known: KnownJob): Promise<JobStatus> {
    if (claim.by === "nobody") return { type: "waiting", reason: known.reason };
    if (claim.by === "node") {
      await this.#engine.remove(job, known);
      return { type: "absent" };
    }
    if (!this.#engine.putsBack) return { type: "running", ageMs: this.#ageOf(job) };
    return await this.#backInQueue(job, known);
  }

  /** A job that has begun and waits again. Its claim is made, so that it never begins again. */
  async #backInQueue(job: Job, known: KnownJob): Promise<JobStatus> {
    // What was said of it may be from before it began.
    const latest = await this.#engine.find(job, 0);
    if (latest?.phase !== "waiting") return { type: "running", ageMs: 0 };
    await this.#engine.remove(job, known);
    return ended({ type: "lost", why: `${this.title} put job ${known.id} back into the queue` });
  }

  /** A job that began and left no exit code. */
  #endWithoutCode(
    job: Job,
    known: KnownJob | undefined,
    stopped: StopSignal | undefined,
  ): JobStatus {
    if (stopped === "SIGKILL") return ended({ type: "killed", signal: "SIGKILL" });
    if (!job.folder.exists) return ended({ type: "lost", why: "its folder was removed" });
    if (!this.#isOverdue(job, known)) return { type: "running", ageMs: this.#ageOf(job) };
    const last = this.#missing.get(job.attempt)?.known;
    if (last === undefined) {
      const why = `${this.title} has no such job any more, and it left no exit code`;
      return ended({ type: "lost", why });
    }
    // Nothing but SIGKILL keeps its script from writing the exit code.
    return ended(last.end ?? { type: "killed", signal: "SIGKILL" });
  }

  /** A job of which nobody has made the claim, and which the cluster has no more, or has ended. */
  #neverBegan({ attempt, folder }: Job, known: KnownJob | undefined): JobStatus {
    switch (claimForNode(folder, attempt).by) {
      case "supervisor":
        return { type: "running", ageMs: 0 };
      case "nobody":
        return ended({ type: "lost", why: "its folder was removed" });
      case "node":
        if (known === undefined) return { type: "absent" };
    }
    const question = `is ${quoted(folder.path)} there, on the computer that ran it?`;
    const said = logOf(folder) || (known.end === undefined ? question : "");
    return ended(neverBegan(`${known.ended} before it began${said && `: ${said}`}`));
  }
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
    return new TextDecoder().decode(bytes).trim().split("\n").at(-1)!;
  } catch {
    return "";
  }
}

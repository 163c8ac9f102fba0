/**
 * Ray: how its jobs are made, found and stopped, over its REST API.
 *
 * @module
 */
import { basename } from "node:path";
import { CloudNodeError, messageOf, quoted } from "../../errors.ts";
import type { StopSignal } from "../../os/process_identity.ts";
import { isJsonObject } from "../../protocol/json.ts";
import { type Clock, within } from "../../time.ts";
import type { Job, Submission } from "../cluster/cluster.ts";
import type { JobEngine, KnownJob } from "../cluster/folder_cluster.ts";
import { SeenJobs } from "../cluster/seen_jobs.ts";
import { JOB_FILE, JOB_LOG } from "../cluster/job_script.ts";
import type { Exit, Work } from "../executor.ts";
import { shellWord } from "../process/python_source.ts";
import { exchange } from "../server/exchange.ts";

/** What making Ray jobs takes. */
interface RayOptions {
  /** Where its dashboard is: `http://127.0.0.1:8265`. */
  readonly address: string;
  /** The runtime environment of the jobs, as Ray takes it. */
  readonly runtimeEnv: Readonly<Record<string, unknown>>;
  /** How many GPUs each job reserves. */
  readonly numGpus: number;
  /** What the cluster asks for with `RAY_AUTH_MODE=token`; `undefined`: it asks for nothing. */
  readonly token: string | undefined;
  /** The shell that runs the script. */
  readonly shell: string;
  readonly clock: Clock;
}

/** Ray did not do what it was asked. */
class RayError extends CloudNodeError {
  /** Always 1. */
  readonly exitCode = 1;
}

/** An answer of the API. */
interface RayAnswer {
  readonly status: number;
  readonly text: string;
}

/** How long a call may take, in milliseconds: the first job of a cluster takes Ray some seconds. */
const CALL_MS = 60_000;

/** More of an answer is not kept, in bytes: the messages of jobs hold output. */
const MAX_ANSWER = 1024 * 1024;

/** What is wrong with a request that no repetition changes. */
const REFUSED = [400, 401, 403, 404, 405, 413, 415, 422];

const PHASES: Readonly<Record<string, KnownJob["phase"]>> = {
  PENDING: "waiting",
  RUNNING: "running",
  STOPPED: "ended",
  SUCCEEDED: "ended",
  FAILED: "ended",
};

/** Makes, finds and stops Ray jobs. */
export class Ray implements JobEngine {
  readonly title = "Ray";
  readonly putsBack = false;
  readonly script = { ofJob: /^RAY_/, keepsPath: true };
  readonly #options: RayOptions;
  readonly #closing = new AbortController();
  readonly #seen: SeenJobs;

  /** Asks nothing yet. */
  constructor(options: RayOptions) {
    this.#options = options;
    this.#seen = new SeenJobs(options.clock, (job) => this.#ask(job));
  }

  async find(job: Job, maxAgeMs: number): Promise<KnownJob | undefined> {
    return await this.#seen.find(job, maxAgeMs);
  }

  async create(job: Job, work: Work): Promise<Submission> {
    // Two submissions at once with one id make both fail.
    const { status: seen, text: said } = await this.#call("GET", idOf(job));
    if (seen === 401 || seen === 403) return { problem: unauthorized(seen) };
    if (seen === 200) return { name: idOf(job) };
    if (seen !== 404) throw new RayError(`Ray answered ${seen}: ${lastLineOf(said)}`);
    const { runtimeEnv, numGpus, shell } = this.#options;
    const { path } = job.folder;
    const [script, log] = [JOB_FILE, JOB_LOG].map((name) => shellWord(`${path}/${name}`));
    const { status, text } = await this.#call("POST", "", {
      submission_id: idOf(job),
      entrypoint: `exec ${shell} ${script} >>${log} 2>&1`,
      runtime_env: runtimeEnv,
      metadata: { cyberwave_command: basename(path), cyberwave_request: work.requestId ?? "" },
      ...(numGpus > 0 && { entrypoint_num_gpus: numGpus }),
    });
    this.#seen.forget(job);
    if (status < 300 || text.includes("already exists")) return { name: idOf(job) };
    const why = `Ray answered ${status}: ${lastLineOf(text)}`;
    if (REFUSED.includes(status)) return { problem: why };
    throw new RayError(why);
  }

  /** Ray sends SIGTERM, and SIGKILL three seconds later; there is no other way. */
  async signal(job: Job, _known: KnownJob, _signal: StopSignal): Promise<void> {
    await this.remove(job);
  }

  async remove(job: Job): Promise<void> {
    const { status, text } = await this.#call("POST", `${idOf(job)}/stop`);
    this.#seen.forget(job);
    if (status >= 300 && status !== 404) {
      throw new RayError(`Ray answered ${status}: ${lastLineOf(text)}`);
    }
  }

  close(): void {
    this.#closing.abort(new RayError("The node stops"));
  }

  async #ask(job: Job): Promise<KnownJob | undefined> {
    const { status, text } = await this.#call("GET", idOf(job));
    if (status === 404) return undefined;
    if (status !== 200) throw new RayError(`Ray answered ${status}: ${lastLineOf(text)}`);
    const known = knownIn(text, idOf(job));
    if (known === undefined) throw new RayError(`Ray answered with ${quoted(text)}`);
    return known;
  }

  async #call(method: "GET" | "POST", path: string, body?: unknown): Promise<RayAnswer> {
    const { address, token, clock } = this.#options;
    const url = `${address.replace(/\/$/, "")}/api/jobs/${path}`;
    const headers = {
      "Content-Type": "application/json",
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
    };
    const request = {
      method,
      url,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    };
    const decoder = new TextDecoder();
    let answer: RayAnswer | undefined;
    await within(CALL_MS, clock, async (tooLate) => {
      const signal = AbortSignal.any([tooLate, this.#closing.signal]);
      let text = "";
      try {
        const { status } = await exchange(request, {
          signal,
          onBody: (bytes) => {
            if (text.length < MAX_ANSWER) text += decoder.decode(bytes, { stream: true });
          },
        });
        answer = { status, text };
      } catch (error) {
        if (tooLate.aborted) throw new RayError(`${url} did not answer within ${CALL_MS / 1000} s`);
        throw new RayError(`cannot reach ${address}: ${messageOf(error)}`);
      }
    });
    return answer!;
  }
}

function idOf({ attempt, folder }: Job): string {
  return `cn-${basename(folder.path)}-${attempt.slice(0, 8)}`;
}

/** A job as the API describes it; `undefined`: it is something else. */
function knownIn(text: string, id: string): KnownJob | undefined {
  let job: unknown;
  try {
    job = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isJsonObject(job) || typeof job.status !== "string") return undefined;
  const phase = PHASES[job.status];
  if (phase === undefined) return undefined;
  const message = typeof job.message === "string" ? job.message.split("\n")[0]! : "";
  const ended = `Ray ended job ${id}: ${job.status}${message === "" ? "" : ` (${message})`}`;
  return { id, phase, reason: message, ended, end: endOf(job, ended) };
}

/** How a job ended that left no exit code. One that its entrypoint ended was killed. */
function endOf(
  { status, driver_exit_code: code }: Record<string, unknown>,
  why: string,
): Exit | undefined {
  if (status === "STOPPED") return { type: "failed", error: why };
  if (status === "FAILED" && typeof code !== "number") return { type: "lost", why };
  return undefined;
}

function unauthorized(status: number): string {
  return `Ray answered ${status}: set RAY_AUTH_TOKEN to the token of the cluster`;
}

function lastLineOf(text: string): string {
  return text.trim().split("\n").at(-1)!;
}

/**
 * Kubernetes: how its Jobs are made, found and stopped, through kubectl, which knows where the cluster
 * is and who the node is.
 *
 * @module
 */
import * as fs from "node:fs";
import { CloudNodeError, quoted } from "../../errors.ts";
import { askShell, NO_SUCH_PROGRAM } from "../../os/ask_shell.ts";
import type { StopSignal } from "../../os/process_identity.ts";
import { isJsonObject } from "../../protocol/json.ts";
import { type Clock, within } from "../../time.ts";
import type { Job, Submission } from "../cluster/cluster.ts";
import type { JobEngine, KnownJob } from "../cluster/folder_cluster.ts";
import { SeenJobs } from "../cluster/seen_jobs.ts";
import type { Exit } from "../executor.ts";
import { JOB_LABEL, jobManifest, type JobManifestOptions, jobName } from "./job_manifest.ts";

/** What making Jobs takes. */
interface KubernetesOptions extends JobManifestOptions {
  /** The environment of kubectl: `PATH`, `HOME`, `KUBECONFIG`. */
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
}

/** Kubernetes did not do what it was asked. */
class KubernetesError extends CloudNodeError {
  /** Always 1. */
  readonly exitCode = 1;
}

/** How long a call may take, in milliseconds. */
const CALL_MS = 60_000;

/** The name of the file in a workload's folder that holds the manifest. */
const MANIFEST_FILE = "job.json";

/** What kubectl sees of the environment. */
const VISIBLE =
  /^(PATH|HOME|KUBECONFIG|KUBERNETES_SERVICE_(HOST|PORT)|AWS_\w+|AZURE_\w+|GOOGLE_\w+|CLOUDSDK_\w+|SSL_CERT_(FILE|DIR)|https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY)$/;

/** What the API refuses, whoever asks and however often. */
const REFUSED = /\((Invalid|BadRequest|Forbidden|Unauthorized|NotFound|MethodNotAllowed)\)/;

/** Makes, finds and stops Jobs. */
export class Kubernetes implements JobEngine {
  readonly title = "Kubernetes";
  readonly putsBack = false;
  readonly script = { ofJob: /^KUBE/, keepsPath: true };
  readonly #options: KubernetesOptions;
  readonly #given: readonly string[];
  readonly #closing = new AbortController();
  readonly #jobs: string;
  readonly #pods: string;
  readonly #seen: SeenJobs;

  /** Asks nothing yet. */
  constructor(options: KubernetesOptions) {
    this.#options = options;
    this.#seen = new SeenJobs(options.clock, (job) => this.#ask(job));
    this.#given = Object.entries(options.env)
      .flatMap(([name, value]) => VISIBLE.test(name) ? [`${name}=${value}`] : []);
    const namespace = encodeURIComponent(options.namespace);
    this.#jobs = `/apis/batch/v1/namespaces/${namespace}/jobs`;
    this.#pods = `/api/v1/namespaces/${namespace}/pods`;
  }

  async find(job: Job, maxAgeMs: number): Promise<KnownJob | undefined> {
    return await this.#seen.find(job, maxAgeMs);
  }

  async create(job: Job): Promise<Submission> {
    const file = `${job.folder.path}/${MANIFEST_FILE}`;
    const manifest = JSON.stringify(jobManifest(job, this.#options), undefined, 2);
    fs.writeFileSync(file, manifest, { mode: 0o600 });
    this.#seen.forget(job);
    const { code, stderr } = await this.#kubectl("create", "--raw", this.#jobs, "-f", file);
    // Nobody else has that name.
    if (code === 0 || stderr.includes("(AlreadyExists)")) return { name: jobName(job) };
    if (code === NO_SUCH_PROGRAM) return { problem: "kubectl was not found: is it installed?" };
    if (REFUSED.test(stderr)) return { problem: lastLineOf(stderr) };
    throw new KubernetesError(lastLineOf(stderr));
  }

  async signal(job: Job, _known: KnownJob, signal: StopSignal): Promise<void> {
    if (signal === "SIGKILL") {
      const label = encodeURIComponent(`${JOB_LABEL}=${jobName(job)}`);
      await this.#delete(`${this.#pods}?labelSelector=${label}&gracePeriodSeconds=0`);
    }
    await this.remove(job);
  }

  /** The Job stays until its pod has ended. */
  async remove(job: Job): Promise<void> {
    await this.#delete(`${this.#jobs}/${jobName(job)}?propagationPolicy=Foreground`);
  }

  close(): void {
    this.#closing.abort(new KubernetesError("The node stops"));
  }

  async #ask(job: Job): Promise<KnownJob | undefined> {
    const name = jobName(job);
    const found = await this.#get(`${this.#jobs}/${name}`);
    if (found === undefined) return undefined;
    const label = encodeURIComponent(`${JOB_LABEL}=${name}`);
    const pod = podIn(await this.#get(`${this.#pods}?labelSelector=${label}`));
    const end = conditionIn(found);
    if (end !== undefined) return endedJob(name, end, pod);
    const isWaiting = pod.phase === "Pending" || pod.phase === "";
    return { id: name, phase: isWaiting ? "waiting" : "running", reason: pod.why, ended: "" };
  }

  async #get(path: string): Promise<Record<string, unknown> | undefined> {
    const { code, stdout, stderr } = await this.#kubectl("get", "--raw", path);
    if (code !== 0 && stderr.includes("(NotFound)")) return undefined;
    if (code !== 0) throw new KubernetesError(lastLineOf(stderr));
    const answer: unknown = JSON.parse(stdout);
    if (!isJsonObject(answer)) throw new KubernetesError(`the answer is ${quoted(stdout)}`);
    return answer;
  }

  async #delete(path: string): Promise<void> {
    const { code, stderr } = await this.#kubectl("delete", "--raw", path);
    if (code !== 0 && !stderr.includes("(NotFound)")) throw new KubernetesError(lastLineOf(stderr));
  }

  async #kubectl(...words: readonly string[]) {
    let answer: Awaited<ReturnType<typeof askShell>> | undefined;
    await within(CALL_MS, this.#options.clock, async (tooLate) => {
      const args = ["-c", 'exec env "$@"', "sh", ...this.#given, "kubectl", ...words];
      answer = await askShell("sh", args, AbortSignal.any([tooLate, this.#closing.signal]));
      if (tooLate.aborted) throw new KubernetesError("kubectl took longer than a minute");
      this.#closing.signal.throwIfAborted();
    });
    return answer!;
  }
}

/** What ended a Job. */
interface Condition {
  readonly type: "Complete" | "Failed";
  readonly reason: string;
}

/** The condition that ended a Job; `undefined`: none has. */
function conditionIn({ status }: Record<string, unknown>): Condition | undefined {
  const conditions = isJsonObject(status) && Array.isArray(status.conditions)
    ? status.conditions
    : [];
  for (const { type, status, reason, message } of conditions.filter(isJsonObject)) {
    if (status !== "True" || (type !== "Complete" && type !== "Failed")) continue;
    return { type, reason: [reason, message].filter((it) => typeof it === "string").join(": ") };
  }
}

/** What is known of the pod of a Job. */
interface Pod {
  /** `Pending`, `Running`, ...; `""`: there is none. */
  readonly phase: string;
  /** Why it is in that phase; `""`: nobody says. */
  readonly why: string;
  /** Why its container ended: `OOMKilled`, `Error`, ...; `""`: nobody says. */
  readonly terminated: string;
}

function podIn(pods: Record<string, unknown> | undefined): Pod {
  const [pod] = Array.isArray(pods?.items) ? pods.items.filter(isJsonObject) : [];
  const status = isJsonObject(pod?.status) ? pod.status : {};
  const containers = Array.isArray(status.containerStatuses) ? status.containerStatuses : [];
  const [container] = containers.filter(isJsonObject);
  const state = isJsonObject(container?.state) ? container.state : {};
  const { waiting, terminated } = state;
  const why = textIn(status, "reason") || textIn(status, "message") || textIn(waiting, "reason");
  return { phase: textIn(status, "phase"), why, terminated: textIn(terminated, "reason") };
}

function textIn(value: unknown, name: string): string {
  const text = isJsonObject(value) ? value[name] : undefined;
  return typeof text === "string" ? text : "";
}

/** A Job that has ended. Its exit code is in its folder, unless it could not write that. */
function endedJob(id: string, { type, reason }: Condition, pod: Pod): KnownJob {
  const why = [reason, pod.why, pod.terminated].filter((it) => it !== "" && it !== "Error");
  const ended = `Kubernetes ended job ${id}: ${type}${
    why.length === 0 ? "" : ` (${why.join("; ")})`
  }`;
  return { id, phase: "ended", reason, ended, end: endOf(type, pod, ended) };
}

function endOf(type: Condition["type"], { terminated }: Pod, why: string): Exit | undefined {
  if (type === "Complete") return undefined;
  if (terminated === "OOMKilled") return { type: "failed", error: why };
  // It was killed, and its pod knows of nothing else.
  if (terminated !== "") return undefined;
  // Its pod was evicted, or its computer has failed.
  return { type: "lost", why };
}

function lastLineOf(text: string): string {
  return text.trim().split("\n").at(-1)!;
}

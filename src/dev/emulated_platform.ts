/**
 * The Cyberwave platform in memory: what a node can ask of it, whatever carries the question.
 *
 * @module
 */
import type { StoragePace } from "./attachments.ts";
import { describeWorkload } from "./describe_workload.ts";
import { accepted, type Fields, refusal } from "./json_answers.ts";
import { type Call, CallLog, type CallMatcher } from "./rest_calls.ts";
import {
  type EmulatedInstance,
  type EmulatedLog,
  type InstanceQuestion,
  type InstanceReport,
  Instances,
} from "./instances.ts";
import { instanceFor, isAskedFor, parseWorkloadRequest } from "./workload_requests.ts";
import type { EmulatedWorkload, WorkloadCommand } from "./emulated_workload.ts";
import { hasEnded, Workloads } from "./workloads.ts";

/** Answers a call in place of the emulation. */
export type Answerer = (call: Call) => Response | Promise<Response>;

/** What can be done with a workload. */
export type WorkloadCall =
  | "update"
  | "sign"
  | "report"
  | "complete"
  | "fail"
  | "cancel";

/** Takes a workload to the instance that it is given to. */
type Dispatch = (workload: EmulatedWorkload, instanceUuid: string) => void;

/** The platform, to be reached through one front end or several. */
export abstract class EmulatedPlatform {
  /** The one token that is accepted. It may be replaced. */
  token: string;
  /** Where signed URLs lead. */
  abstract readonly url: string;
  readonly #instances = new Instances();
  readonly #workloads = new Workloads();
  readonly #log = new CallLog();
  #dispatch: Dispatch | undefined;
  readonly #staged: { matches: CallMatcher; answer: Answerer; times: number }[] = [];

  /** A platform that accepts `token`. */
  constructor(token: string) {
    this.token = token;
  }

  /** Every instance ever created here, by UUID. */
  get instances(): Map<string, EmulatedInstance> {
    return this.#instances.byUuid;
  }

  /** Every workload ever created here, by UUID. */
  get workloads(): Map<string, EmulatedWorkload> {
    return this.#workloads.byUuid;
  }

  /** What the instances logged, oldest first. */
  get logs(): readonly EmulatedLog[] {
    return this.#instances.logs;
  }

  /** Creates a workload for the platform to follow, given to an instance or still to none. */
  createWorkload(
    instanceUuid: string | null = null,
    command: WorkloadCommand = {},
  ): EmulatedWorkload {
    return this.#workloads.create(instanceUuid, command);
  }

  /** The latest calls, oldest first. */
  get calls(): readonly Call[] {
    return this.#log.calls;
  }

  /** The first call that matches and was not returned here before, past or to come. */
  nextCall(matches: CallMatcher = () => true): Promise<Call> {
    return this.#log.next(matches);
  }

  /** Has `answer` answer the next `times` calls that match, in place of the emulation. */
  answerNext(matches: CallMatcher, answer: Answerer, times = 1): void {
    this.#staged.push({ matches, answer, times });
  }

  /** Answers a call that a front end received: as `answer` says, else by `emulate`. */
  async answer(call: Call, emulate: Answerer): Promise<Response> {
    this.#log.add(call);
    return await (this.#takeStaged(call) ?? emulate)(call);
  }

  /** Has the storage take files in as slowly as `pace` says. */
  slowStorage(pace: StoragePace): void {
    this.#workloads.attachments.pace = pace;
  }

  /** Takes in a file that is put at a signed URL. */
  protected store(request: Request): Promise<Response> {
    return this.#workloads.attachments.put(request);
  }

  /** Answers with the instances of a workspace, or all. */
  listInstances(workspace: string | null): Response {
    return this.#instances.list(workspace);
  }

  /** Creates an instance, in a workspace if one is named. */
  createInstance(fields: Fields, workspace: string | null = null): Response {
    return this.#instances.create(fields, workspace);
  }

  /** Takes in what an instance reports. */
  report(instanceUuid: string, report: InstanceReport, fields: Fields): Response {
    if (report === "failed") this.#workloads.requeue(instanceUuid);
    const response = this.#instances.report(instanceUuid, report, fields);
    // An instance that was busy may have room by now.
    if (report === "heartbeat") this.#assignWaiting();
    return response;
  }

  /** Answers with what there is to know about an instance, or with what it logged. */
  describeInstance(uuid: string, what: InstanceQuestion, query: URLSearchParams): Response {
    return this.#instances.describe(uuid, what, query);
  }

  /** From now on workloads that clients create are given to instances, through `dispatch`. */
  dispatchBy(dispatch: Dispatch): void {
    this.#dispatch = dispatch;
    this.#assignWaiting();
  }

  /** Takes a workload that did not reach its instance back into the queue. */
  takeBack(workload: EmulatedWorkload): void {
    this.#workloads.takeBack(workload);
  }

  /** Creates the workload that a client asks for, and gives it to an instance. */
  requestWorkload(fields: Fields): Response {
    const request = parseWorkloadRequest(fields);
    if ("problem" in request) return refusal(422, request.problem);
    const { instanceUuid } = request;
    if (instanceUuid !== null && !this.instances.has(instanceUuid)) {
      return refusal(404, "Instance not found");
    }
    const workload = this.#workloads.create(null, request);
    if (instanceUuid === null) this.#assignWaiting();
    else this.#assign(workload, instanceUuid);
    return this.describeWorkload(workload.uuid);
  }

  /** Answers with the workloads that a query asks for. */
  listWorkloads(query: URLSearchParams): Response {
    const listed = [...this.workloads.values()].filter((workload) => isAskedFor(workload, query));
    return Response.json(listed.map((workload) => this.#described(workload)));
  }

  /** Answers with what there is to know about a workload. */
  describeWorkload(uuid: string): Response {
    const workload = this.workloads.get(uuid);
    if (workload === undefined) return refusal(404, "Workload not found");
    return Response.json(this.#described(workload));
  }

  /** Forgets a workload, unless it is under way. */
  deleteWorkload(uuid: string): Response {
    const workload = this.workloads.get(uuid);
    if (workload === undefined) return refusal(404, "Workload not found");
    if (workload.status !== "pending" && !hasEnded(workload)) {
      return refusal(400, `Workload is ${workload.status}`);
    }
    this.workloads.delete(uuid);
    return accepted();
  }

  /** Changes a workload as a client asks: gives it to an instance, says where it stands, or both. */
  changeWorkload(uuid: string, fields: Fields): Response {
    const workload = this.workloads.get(uuid);
    if (workload === undefined) return refusal(404, "Workload not found");
    const { instance_uuid, status } = fields;
    if (typeof instance_uuid === "string") {
      if (!this.instances.has(instance_uuid)) return refusal(404, "Instance not found");
      this.#assign(workload, instance_uuid);
    }
    const response = status === undefined ? accepted() : this.onWorkload(uuid, "update", fields);
    return response.ok ? this.describeWorkload(uuid) : response;
  }

  /** Does what is asked for with a workload. */
  onWorkload(uuid: string, call: WorkloadCall, fields: Fields): Response {
    const workload = this.workloads.get(uuid);
    if (workload === undefined) return refusal(404, "Workload not found");
    const response = this.#workloads[call](workload, fields, this.url);
    if (hasEnded(workload)) this.#assignWaiting();
    return response;
  }

  #described(workload: EmulatedWorkload): Fields {
    return describeWorkload(workload, this.instances.get(workload.instanceUuid ?? ""));
  }

  #assignWaiting(): void {
    if (this.#dispatch === undefined) return;
    for (const workload of this.#workloads.waiting()) {
      const unfinished = (uuid: string) => this.#workloads.unfinishedOn(uuid);
      const instance = instanceFor(workload, this.instances.values(), unfinished);
      if (instance !== undefined) this.#assign(workload, instance.uuid);
    }
  }

  #assign(workload: EmulatedWorkload, instanceUuid: string): void {
    this.#workloads.assign(workload, instanceUuid);
    this.#dispatch?.(workload, instanceUuid);
  }

  #takeStaged(call: Call): Answerer | undefined {
    const index = this.#staged.findIndex(({ matches }) => matches(call));
    const staged = this.#staged[index];
    if (staged === undefined) return undefined;
    if (--staged.times === 0) this.#staged.splice(index, 1);
    return staged.answer;
  }
}

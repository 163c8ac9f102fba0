/**
 * The Cyberwave platform in memory: what a node can ask of it, whatever carries the question.
 *
 * @module
 */
import { type Fields, refusal } from "./json_answers.ts";
import { type Call, CallLog, type CallMatcher } from "./rest_calls.ts";
import {
  type EmulatedInstance,
  type EmulatedLog,
  type InstanceReport,
  Instances,
} from "./instances.ts";
import { type EmulatedWorkload, type WorkloadCommand, Workloads } from "./workloads.ts";

/** Answers a call in place of the emulation. */
export type Answerer = (call: Call) => Response | Promise<Response>;

/** What can be done with a workload. */
export type WorkloadCall =
  | "describe"
  | "update"
  | "sign"
  | "report"
  | "complete"
  | "fail"
  | "cancel";

/** The platform, to be reached through one front end or several. */
export abstract class EmulatedPlatform {
  /** The one token that is accepted. It may be replaced. */
  token: string;
  /** Where signed URLs lead. */
  abstract readonly url: string;
  readonly #instances = new Instances();
  readonly #workloads = new Workloads();
  readonly #log = new CallLog();
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
    return this.#instances.report(instanceUuid, report, fields);
  }

  /** Does what is asked for with a workload. */
  onWorkload(uuid: string, call: WorkloadCall, fields: Fields): Response {
    const workload = this.workloads.get(uuid);
    if (workload === undefined) return refusal(404, "Workload not found");
    return this.#workloads[call](workload, fields, this.url);
  }

  #takeStaged(call: Call): Answerer | undefined {
    const index = this.#staged.findIndex(({ matches }) => matches(call));
    const staged = this.#staged[index];
    if (staged === undefined) return undefined;
    if (--staged.times === 0) this.#staged.splice(index, 1);
    return staged.answer;
  }
}

/**
 * The instances that the emulated platform knows, and what they report about themselves.
 *
 * @module
 */
import { type Clock, systemClock } from "../time.ts";
import { accepted, type Fields, refusal } from "./json_answers.ts";

/** An instance, as the emulated backend knows it. */
export interface EmulatedInstance {
  /** What identifies it. */
  uuid: string;
  /** Its name for people: the node's hint, made unique. */
  slug: string;
  /** The hardware and capability profile. */
  profileSlug: string;
  /** Who provides the machine. */
  provider: string;
  /** Who may use it. */
  visibility: string;
  /** The environment it is reserved for, if any. */
  environmentUuid: string | null;
  /** The workspace given in the query, if any. */
  workspaceSlug: string | null;
  /** Where it stands. */
  status: "created" | "registered" | "terminated" | "failed";
  /** Why it failed, in the node's words. */
  error?: string;
}

/** A piece of log that an instance sent. */
export interface EmulatedLog {
  /** What identifies it. */
  readonly uuid: string;
  /** When it came, in ISO 8601. */
  readonly at: string;
  /** The instance that sent it. */
  readonly instanceUuid: string;
  /** What it is from. */
  readonly type: string;
  /** The text. */
  readonly content: string;
}

/** What an instance can report. */
export type InstanceReport = "register" | "heartbeat" | "terminated" | "failed" | "log";

/** What can be asked about an instance. */
export type InstanceQuestion = "status" | "logs" | "metadata";

const LOG_TYPES = ["stdout", "stderr", "system", "app"];

// A backend for development runs for days.
const MAX_LOG_LENGTH = 64 * 1024 * 1024;

/** How many pieces of log an answer has at most, unless more are asked for. */
const MAX_LOGS = 100;

/** The instances of the emulated platform, and their logs. */
export class Instances {
  /** Every instance ever created here, by UUID. */
  readonly byUuid: Map<string, EmulatedInstance> = new Map();
  /** What they logged, oldest first, up to 64 million characters. */
  readonly logs: EmulatedLog[] = [];
  #logLength = 0;
  readonly #clock: Clock;

  /** Dates logs by `clock`. */
  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Answers with those of a workspace, or all. */
  list(workspace: string | null): Response {
    const listed = [...this.byUuid.values()]
      .filter(({ workspaceSlug }) => workspace === null || workspaceSlug === workspace);
    return Response.json(listed.map(described));
  }

  /** Creates one. Answers with what there is to know about it. */
  create(fields: Fields, workspaceSlug: string | null): Response {
    const { profile_slug, slug, provider, visibility, environment_uuid } = fields;
    if (typeof profile_slug !== "string") return refusal(422, "profile_slug is required");
    const uuid = crypto.randomUUID();
    const instance: EmulatedInstance = {
      uuid,
      slug: this.#uniqueSlug(typeof slug === "string" ? slug : `cloud-node-${uuid.slice(0, 8)}`),
      profileSlug: profile_slug,
      provider: typeof provider === "string" ? provider : "self-hosted",
      visibility: typeof visibility === "string" ? visibility : "private",
      environmentUuid: typeof environment_uuid === "string" ? environment_uuid : null,
      workspaceSlug,
      status: "created",
    };
    this.byUuid.set(uuid, instance);
    return Response.json(described(instance));
  }

  /** Answers with what there is to know about one, or with what it logged. */
  describe(uuid: string, question: InstanceQuestion, query: URLSearchParams): Response {
    const instance = this.byUuid.get(uuid);
    if (instance === undefined) return refusal(404, "Instance not found");
    switch (question) {
      case "status": {
        const { slug, workspaceSlug, status } = instance;
        return Response.json({ slug, workspace_slug: workspaceSlug, instance_uuid: uuid, status });
      }
      case "logs":
        return Response.json(this.#logsOf(uuid, query));
      case "metadata":
        return Response.json({});
    }
  }

  #logsOf(uuid: string, query: URLSearchParams): Fields {
    const type = query.get("log_type");
    const logs = this.logs
      .filter((log) => log.instanceUuid === uuid && (type === null || log.type === type))
      .slice(-Number(query.get("limit") ?? MAX_LOGS));
    const entries = logs.map((log) => ({
      uuid: log.uuid,
      log_type: log.type,
      start_time: log.at,
      size_bytes: new TextEncoder().encode(log.content).length,
      line_count: log.content.split("\n").length - 1,
      gcs_path: `logs/${uuid}/${log.uuid}`,
    }));
    return {
      instance_uuid: uuid,
      logs: entries,
      content: logs.map(({ content }) => content).join(""),
    };
  }

  /** Takes in what a node reports about its instance. */
  report(uuid: string, report: InstanceReport, fields: Fields): Response {
    const instance = this.byUuid.get(uuid);
    if (instance === undefined) return refusal(404, "Instance not found");
    switch (report) {
      case "register":
        instance.status = "registered";
        instance.error = undefined;
        if (typeof fields.environment_uuid === "string") {
          instance.environmentUuid = fields.environment_uuid;
        }
        return accepted({ uuid, slug: instance.slug });
      case "heartbeat":
        return instance.status === "terminated"
          ? refusal(400, "Instance has been terminated")
          : accepted();
      case "terminated":
        instance.status = "terminated";
        return accepted();
      case "failed":
        instance.status = "failed";
        instance.error = String(fields.error ?? "");
        return accepted();
      case "log":
        return this.#keep(uuid, fields);
    }
  }

  #keep(instanceUuid: string, { log_type, log_content }: Fields): Response {
    if (typeof log_type !== "string" || !LOG_TYPES.includes(log_type)) {
      return refusal(422, `log_type must be one of ${LOG_TYPES.join(", ")}`);
    }
    if (typeof log_content !== "string") return refusal(422, "log_content must be a string");
    const at = new Date(this.#clock.now()).toISOString();
    const uuid = crypto.randomUUID();
    this.logs.push({ uuid, at, instanceUuid, type: log_type, content: log_content });
    this.#logLength += log_content.length;
    while (this.#logLength > MAX_LOG_LENGTH) this.#logLength -= this.logs.shift()!.content.length;
    return accepted();
  }

  #uniqueSlug(hint: string): string {
    const taken = new Set([...this.byUuid.values()].map(({ slug }) => slug));
    let slug = hint;
    for (let number = 2; taken.has(slug); number++) slug = `${hint}-${number}`;
    return slug;
  }
}

function described({ uuid, slug, status, profileSlug, provider }: EmulatedInstance): Fields {
  return { uuid, slug, status, profile_slug: profileSlug, provider };
}

/**
 * Rows of the `commands` table. What is read from a disk may be damaged, so each value is checked.
 *
 * @module
 */
import type { SQLOutputValue } from "node:sqlite";
import { messageOf } from "../errors.ts";
import { type ProcessIdentity, STOP_SIGNALS } from "../os/process_identity.ts";
import { isKindName } from "../protocol/kinds.ts";
import { readResources } from "../protocol/resources.ts";
import {
  type CommandRecord,
  type End,
  END_CAUSES,
  STOP_CAUSES,
  type StoredHandle,
} from "./record.ts";

/** All columns of a command but `params`, which may be large. */
export const COLUMNS: string =
  `id, kind, request_id, workload_uuid, slug, instance_uuid, reply_topic, state,
  accepted_at, started_at, handle, pid, start_time, boot_id, stop_cause, stop_signal, stop_at,
  ended_at, cause, exit_code, signal, oom_kill, resources, bytes, has_token`;

/** A row that is not a valid command. */
interface DamagedRow {
  /** What is wrong with it. */
  readonly damage: string;
}

/** A row of the `commands` table as a record. Missing columns count as empty. */
export function toRecord(row: Record<string, SQLOutputValue>): CommandRecord | DamagedRow {
  try {
    return readRecord(new RowReader(row));
  } catch (error) {
    return { damage: messageOf(error) };
  }
}

const STATES = ["queued", "running", "ended"] as const;

/** An id is the name of a folder. */
const ID = /^[\w-]+$/;

function readRecord(row: RowReader): CommandRecord {
  const id = row.text("id");
  if (!ID.test(id)) throw new Error("id cannot name a folder");
  const state = row.oneOf("state", STATES);
  const handle = state === "queued" ? undefined : readHandle(row);
  if (state === "running" && handle === undefined) throw new Error("it runs without a handle");
  return {
    id,
    kind: readKind(row.text("kind")),
    requestId: row.has("request_id") ? readRequestId(row.text("request_id")) : undefined,
    workloadUuid: row.has("workload_uuid") ? row.text("workload_uuid") : undefined,
    slug: row.text("slug"),
    instanceUuid: row.text("instance_uuid"),
    replyTopic: row.text("reply_topic"),
    hasToken: row.has("has_token") && row.integer("has_token") === 1,
    state,
    acceptedAt: row.integer("accepted_at"),
    startedAt: state === "running" || row.has("started_at") ? row.integer("started_at") : undefined,
    handle,
    stop: row.has("stop_cause")
      ? {
        cause: row.oneOf("stop_cause", STOP_CAUSES),
        signal: row.oneOf("stop_signal", STOP_SIGNALS),
        at: row.integer("stop_at"),
      }
      : undefined,
    endedAt: state === "ended" ? row.integer("ended_at") : undefined,
    end: state === "ended"
      ? {
        cause: row.oneOf("cause", END_CAUSES),
        exitCode: row.has("exit_code") ? row.integer("exit_code") : undefined,
        signal: row.has("signal") ? row.text("signal") : undefined,
        ...(row.has("oom_kill") && { oomKill: row.integer("oom_kill") === 1 }),
        ...(row.has("resources") && resourcesIn(row.text("resources"))),
        bytes: row.integer("bytes"),
      }
      : undefined,
  };
}

function resourcesIn(json: string): Pick<End, "resources"> {
  const resources = readResources(JSON.parse(json));
  return resources === undefined ? {} : { resources };
}

/** A program may have served commands that this one does not. */
function readKind(name: string): string {
  if (!isKindName(name)) throw new Error("kind is no name");
  return name;
}

function readRequestId(json: string): string {
  const requestId: unknown = JSON.parse(json);
  if (typeof requestId !== "string") throw new Error("request_id is not a string");
  return requestId;
}

/** The attempt that runs or ran a command. Version 0.1.0 stored its process alone. */
function readHandle(row: RowReader): StoredHandle | undefined {
  if (row.has("handle")) return parseHandle(row.text("handle"));
  if (!row.has("pid")) return undefined;
  const bootId = row.text("boot_id");
  const process = { pid: row.integer("pid"), startTime: row.text("start_time"), bootId };
  return { executor: "process", attempt: "", bootId, process: checkedProcess(process) };
}

function parseHandle(json: string): StoredHandle {
  const { executor, attempt, bootId, process, begun, gpus } = JSON.parse(json) ?? {};
  for (const text of [executor, attempt, bootId]) {
    if (typeof text !== "string") throw new Error("handle is incomplete");
  }
  const isList = Array.isArray(gpus) && gpus.every((name) => typeof name === "string");
  if (gpus !== undefined && !isList) throw new Error("its GPUs are damaged");
  const isBegun = begun === true;
  const more = { ...(isBegun && { begun: isBegun }), ...(isList && { gpus }) };
  const handle = { executor, attempt, bootId, ...more };
  return process === undefined ? handle : { ...handle, process: checkedProcess(process) };
}

/** A signal to the group of a pid below 2 would reach every process. */
function checkedProcess(process: Partial<ProcessIdentity> | null): ProcessIdentity {
  const { pid, startTime, bootId } = process ?? {};
  const isPid = Number.isSafeInteger(pid) && pid! > 1;
  if (!isPid || typeof startTime !== "string" || typeof bootId !== "string") {
    throw new Error("its process is damaged");
  }
  return { pid: pid!, startTime, bootId };
}

/** Reads the values of a row; throws for an invalid one. */
class RowReader {
  readonly #row: Record<string, SQLOutputValue | undefined>;

  constructor(row: Record<string, SQLOutputValue>) {
    this.#row = row;
  }

  has(column: string): boolean {
    return (this.#row[column] ?? null) !== null;
  }

  text(column: string): string {
    const value = this.#row[column];
    if (typeof value !== "string") throw new Error(`${column} is not a text`);
    return value;
  }

  integer(column: string): number {
    const value = Number(this.#row[column]);
    if (!this.has(column) || !Number.isSafeInteger(value)) {
      throw new Error(`${column} is not a number`);
    }
    return value;
  }

  oneOf<T extends string>(column: string, values: readonly T[]): T {
    const value = this.text(column);
    if (!(values as readonly string[]).includes(value)) throw new Error(`${column} is unknown`);
    return value as T;
  }
}

/** The values of a handle in a row: all of it, and what others look for. */
export function handleColumns(
  handle: StoredHandle,
): [string, number | null, string | null, string] {
  const { process, bootId } = handle;
  return [JSON.stringify(handle), process?.pid ?? null, process?.startTime ?? null, bootId];
}

/**
 * What the journal knows of a command.
 *
 * @module
 */
import type { SQLOutputValue } from "node:sqlite";
import type { ProcessIdentity, StopSignal } from "../os/process_identity.ts";
import type { WorkloadKind } from "../protocol/kinds.ts";

/** A command as it is accepted. */
export interface NewCommand {
  /** The node's own id for it. Also the name of its folder. */
  readonly id: string;
  /** What it runs. */
  readonly kind: WorkloadKind;
  /** The sender's id for it. */
  readonly requestId: string | undefined;
  /** The platform's id for the work, when the platform follows it. */
  readonly workloadUuid: string | undefined;
  /** Its params as JSON. */
  readonly params: string;
  /** The slug that the node had when it accepted. */
  readonly slug: string;
  /** The UUID that the node had when it accepted. */
  readonly instanceUuid: string;
  /** Where its reply goes. */
  readonly replyTopic: string;
  /** Whether it came with a token of its own, which is never stored. Default: `false`. */
  readonly hasToken?: boolean;
  /** The packet that brought it: what tells a command without a request id from its redelivery. */
  readonly packet?: string;
}

/** Names one attempt to run a command, so that a later node finds it again. */
export interface StoredHandle {
  /** Which executor made it. */
  readonly executor: string;
  /** Tells this attempt from every other one; `""` for those of version 0.1.0. */
  readonly attempt: string;
  /** The boot during which it was made; `""` when that cannot be told. */
  readonly bootId: string;
  /** The process that runs the command, once it is known. */
  readonly process?: ProcessIdentity;
}

/** That a command is to be stopped. */
export interface StopRequest {
  /** Who wants it: a `cancel` command, a time limit, or the platform, which has given the work up. */
  readonly cause: "cancelled" | "timed_out" | "withdrawn";
  /** The last signal sent for it. */
  readonly signal: StopSignal;
  /** When it was asked for, in milliseconds since the epoch. */
  readonly at: number;
}

/** How a command ended. */
export interface End {
  /** Why it ended. */
  readonly cause: EndCause;
  /** The exit code, when it is known. */
  readonly exitCode?: number;
  /** The signal that ended it, when one did. */
  readonly signal?: string;
  /** What its files take on disk. */
  readonly bytes: number;
  /** Whether it printed nothing, so that nothing of it is left to be sent. Default: `false`. */
  readonly isSilent?: boolean;
}

/** Why a command ended. */
export type EndCause =
  | "exited"
  | "killed"
  | "cancelled"
  | "timed_out"
  | "withdrawn"
  | "lost"
  | "not_started";

/** All that is known of a command, but its params. */
export interface CommandRecord extends Omit<NewCommand, "params" | "packet"> {
  /** Where it stands. */
  readonly state: "queued" | "running" | "ended";
  /** When it was accepted, in milliseconds since the epoch. */
  readonly acceptedAt: number;
  /** When it was started. */
  readonly startedAt: number | undefined;
  /** The attempt that runs or ran it. */
  readonly handle: StoredHandle | undefined;
  /** That it is to be stopped. */
  readonly stop: StopRequest | undefined;
  /** When it ended. */
  readonly endedAt: number | undefined;
  /** How it ended. */
  readonly end: End | undefined;
}

/** A request id as it is stored: as JSON, for SQLite would read it only up to a NUL. */
export function storedRequestId(requestId: string): string {
  return JSON.stringify(requestId);
}

/** A row of the `commands` table as a record. */
export function toRecord(row: Record<string, SQLOutputValue>): CommandRecord {
  const optional = <T>(value: SQLOutputValue) => (value ?? undefined) as T | undefined;
  return {
    id: row.id as string,
    kind: row.kind as WorkloadKind,
    requestId: row.request_id === null ? undefined : JSON.parse(row.request_id as string),
    workloadUuid: optional(row.workload_uuid),
    slug: row.slug as string,
    instanceUuid: row.instance_uuid as string,
    replyTopic: row.reply_topic as string,
    hasToken: row.has_token === 1,
    state: row.state as CommandRecord["state"],
    acceptedAt: row.accepted_at as number,
    startedAt: optional(row.started_at),
    handle: handleOf(row),
    stop: row.stop_cause === null ? undefined : {
      cause: row.stop_cause as StopRequest["cause"],
      signal: row.stop_signal as StopSignal,
      at: row.stop_at as number,
    },
    endedAt: optional(row.ended_at),
    end: row.cause === null ? undefined : {
      cause: row.cause as EndCause,
      exitCode: optional(row.exit_code),
      signal: optional(row.signal),
      bytes: row.bytes as number,
    },
  };
}

function handleOf(row: Record<string, SQLOutputValue>): StoredHandle | undefined {
  if (row.handle !== null) return JSON.parse(row.handle as string);
  if (row.pid === null) return undefined;
  const bootId = row.boot_id as string;
  const process = { pid: row.pid as number, startTime: row.start_time as string, bootId };
  return { executor: "process", attempt: "", bootId, process };
}

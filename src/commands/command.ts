/**
 * A command for a workload, from its arrival to its reply.
 *
 * @module
 */
import { quoted } from "../errors.ts";
import type { NewCommand } from "../journal/record.ts";
import { holdSecret, type LogFields } from "../log.ts";

/** A command. Its params are in the journal: they may be large, and many may wait. */
export interface Command extends Omit<NewCommand, "params"> {
  /** The token that it came with, which is never stored: a node that restarts no longer has it. */
  readonly token?: WorkloadToken;
}

/** A token for one workload, masked in the log until it is disposed. */
interface WorkloadToken extends Disposable {
  readonly value: string;
}

/** Masks a token for as long as its command is in hand. */
export function holdToken(value: string): WorkloadToken {
  return { value, [Symbol.dispose]: holdSecret(value) };
}

/**
 * A command as it may be shown.
 *
 * @example
 * ```ts
 * import type { CommandInfo } from "@cyberwave/cloud-node";
 *
 * const title = ({ kind, requestId, id }: CommandInfo) => `${kind} ${requestId ?? id}`;
 * console.log(title({ id: "01K", kind: "inference", requestId: "r1", workloadUuid: undefined }));
 * ```
 */
export interface CommandInfo {
  /** The node's own id for it. */
  readonly id: string;
  /** What it runs. */
  readonly kind: string;
  /** The sender's id for it, if it gave one. */
  readonly requestId: string | undefined;
  /** The platform's id for the work, when the platform follows it. */
  readonly workloadUuid: string | undefined;
}

/** The parts of a command that may be shown. */
export function infoOf({ id, kind, requestId, workloadUuid }: Command): CommandInfo {
  return { id, kind, requestId, workloadUuid };
}

/** The fields of log lines about a command. */
export function fieldsOf(
  { id, kind, requestId, workloadUuid }: Pick<NewCommand, keyof CommandInfo>,
): LogFields {
  return {
    workloadId: id,
    kind,
    ...(requestId !== undefined && { requestId }),
    ...(workloadUuid !== undefined && { workloadUuid }),
  };
}

/** How the log names a command: `inference r1`, or by the node's own id when it came without one. */
export function nameOf(
  { kind, requestId, id }: Pick<Command, "kind" | "requestId" | "id">,
): string {
  const name = requestId ?? id;
  return `${kind} ${/^[\w.:-]{1,100}$/.test(name) ? name : quoted(name)}`;
}

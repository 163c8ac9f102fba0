/**
 * What the journal stores about a command.
 *
 * @module
 */
import type { Resources } from "../protocol/resources.ts";
import type { ProcessIdentity, StopSignal } from "../os/process_identity.ts";

/** A command as it is accepted. */
export interface NewCommand {
  /** The node's own id for it. Also the name of its folder. */
  readonly id: string;
  /** What it runs. */
  readonly kind: string;
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
  /** Where its reply goes; `NO_TOPIC`: it is only kept. */
  readonly replyTopic: string;
  /** Whether it came with a token of its own, which is never stored. Default: `false`. */
  readonly hasToken?: boolean;
  /** The packet that brought it: it shows that a command without a request id is a redelivery. */
  readonly packet?: string;
}

/** Names one attempt to run a command, so that a later node finds it again. */
export interface StoredHandle {
  /** Which executor made it. */
  readonly executor: string;
  /** Identifies this attempt among all others; `""` for those of version 0.1.0. */
  readonly attempt: string;
  /** The boot during which it was made; `""` when it is unknown. */
  readonly bootId: string;
  /** The process that runs the command, once it is known. */
  readonly process?: ProcessIdentity;
  /** Whether it is known to run, where no process says so. */
  readonly begun?: true;
  /** The GPUs that it was given. Default: it may use any. */
  readonly gpus?: readonly string[];
}

/** Who may want a command stopped: a `cancel` command, a time limit, the platform. */
export const STOP_CAUSES = ["cancelled", "timed_out", "withdrawn"] as const;

/** That a command is to be stopped. */
export interface StopRequest {
  /** Who wants it. */
  readonly cause: (typeof STOP_CAUSES)[number];
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
  /**
   * Whether SIGKILL ended it and the kernel killed a process for lack of memory meanwhile. Default:
   * not known.
   */
  readonly oomKill?: boolean;
  /** The signal that ended it, when one did. */
  readonly signal?: string;
  /** What it has used of the machine, as far as that is known. */
  readonly resources?: Resources;
  /** What its files take on disk. */
  readonly bytes: number;
  /** Whether it printed nothing, so that nothing of it is left to be sent. Default: `false`. */
  readonly isSilent?: boolean;
}

/** Why a command may end. */
export const END_CAUSES = [
  "exited",
  "killed",
  "cancelled",
  "timed_out",
  "withdrawn",
  "lost",
  "not_started",
] as const;

/** Why a command ended. */
type EndCause = (typeof END_CAUSES)[number];

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

/**
 * What happened to an attempt of an earlier node: the decision.
 *
 * @module
 */
import type { ProcessIdentity } from "../../os/process_identity.ts";
import type { Resources } from "../../protocol/resources.ts";
import type { Exit, Handle } from "../executor.ts";
import type { Claim } from "./claim.ts";

/** What can be seen of an attempt from outside. */
export interface Evidence {
  /** This boot's id; `""` when it is unknown. */
  readonly bootId: string;
  /** Whether its folder is there. */
  readonly hasFolder: boolean;
  /** Its claim, after the node has tried to make it. */
  readonly claim: Claim;
  /**
   * The start time of the process that has the pid of the handle, or else of the claim, looked at
   * before the claim was read; `undefined` when there is none, `"unknown"` when it cannot be seen.
   */
  readonly startTime: string | undefined | "unknown";
}

/** What to do about it. */
export type Recovery =
  /** It still runs, or may: watch it. */
  | { readonly action: "attach"; readonly process: ProcessIdentity }
  /** It ended. */
  | { readonly action: "collect"; readonly exit: Exit; readonly used?: Resources }
  /** It certainly never began, and never will. */
  | { readonly action: "requeue" };

/** Decides it. When in doubt, a workload is watched or lost, and never signalled or run again. */
export function decide(handle: Handle, evidence: Evidence): Recovery {
  const { bootId, hasFolder, claim, startTime } = evidence;
  const process = handle.process ?? processOf(claim, handle.bootId);
  // Whatever stands in its folder, a supervisor that lives has not ended.
  const isThisBoot = process?.bootId === bootId;
  if (process !== undefined && isThisBoot) {
    if (startTime === "unknown" || startTime === process.startTime) {
      return { action: "attach", process };
    }
  }
  if (claim.by === "supervisor" && claim.code !== undefined) {
    const { code, oomKill, used } = claim;
    const exit = { type: "exited", code, ...(oomKill && { oomKill }) } as const;
    return { ...collect(exit), ...(used && { used }) };
  }
  // After a power cut the disk may have forgotten the claim as well.
  if (bootId === "" || (process ?? handle).bootId !== bootId) return lost(RESTARTED);
  if (!hasFolder) return lost("its folder was removed");
  if (process === undefined) {
    if (claim.by === "node") return { action: "requeue" };
    return lost("its supervisor failed as it began");
  }
  // Nothing but SIGKILL keeps a supervisor from writing the exit code.
  if (claim.by === "supervisor") return collect({ type: "killed", signal: "SIGKILL" });
  return lost("its files were removed");
}

const RESTARTED = "the machine was restarted";

function processOf(claim: Claim, bootId: string): ProcessIdentity | undefined {
  if (claim.by !== "supervisor" || claim.process === undefined) return undefined;
  return { ...claim.process, bootId };
}

function collect(exit: Exit): Recovery {
  return { action: "collect", exit };
}

function lost(why: string): Recovery {
  return collect({ type: "lost", why });
}

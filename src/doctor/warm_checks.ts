/**
 * Whether workers and servers can take commands.
 *
 * @module
 */
import type { Settings } from "../config/config.ts";
import { isWarm } from "../config/programs/workload_program.ts";
import { WORKLOAD_KINDS } from "../protocol/kinds.ts";
import { lockHolder } from "../state/lock.ts";
import { type Check, fail, type Finding, ok, warn } from "./finding.ts";

/** The state of a lane, as a node reports it. */
interface LaneStatus {
  readonly kind: string;
  readonly state?: string;
  readonly reason?: string | null;
}

/** Asks a node for its status; `undefined`: it does not answer. */
export type AskNode = (stateFolder: string) => Promise<Record<string, unknown> | undefined>;

/** What the workers and servers of the node are doing, where any are configured. */
export function warmChecks(settings: Settings, ask: AskNode): Check[] {
  const { stateFolder } = settings;
  const kinds: string[] = WORKLOAD_KINDS.filter((kind) =>
    settings[kind] !== undefined && isWarm(settings[kind])
  );
  if (kinds.length === 0) return [];
  const run = async () => {
    if (lockHolder(stateFolder) === undefined) return ok("not asked: no node runs");
    const status = await ask(stateFolder);
    if (status === undefined) return warn("the node does not answer");
    const lanes = (status.lanes ?? []) as readonly LaneStatus[];
    return warmFinding(lanes.filter(({ kind }) => kinds.includes(kind)));
  };
  return [{ name: "models", run }];
}

const FIX =
  "See what it printed in the log of the node, and under workers/ or loaded/ of its state";

/** The finding for these states of lanes. */
export function warmFinding(lanes: readonly LaneStatus[]): Finding {
  const isIn = (...states: string[]) =>
    lanes.some(({ state }) => state !== undefined && states.includes(state));
  const detail = lanes.map(({ kind, state, reason }) =>
    `${kind} is ${state ?? "unknown"}${reason ? `: ${reason.trim().replaceAll(/\s+/g, " ")}` : ""}`
  ).join("; ");
  if (isIn("failed")) return fail(detail, FIX);
  return isIn("unhealthy", "restarting") ? warn(detail, FIX) : ok(detail);
}

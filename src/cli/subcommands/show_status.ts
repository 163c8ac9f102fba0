/**
 * `status`: shows the state of the node of this computer.
 *
 * @module
 */
import { counted, quoted } from "../../errors.ts";
import type { Progress } from "../../protocol/progress.ts";
import { lockHolder } from "../../state/lock.ts";
import type { Arguments } from "../arguments.ts";
import { askForStatus } from "../ask_node.ts";
import { duration, table } from "../terminal/layout.ts";
import { useStateFolder } from "../load_settings.ts";
import { harmless, print, report } from "../terminal/terminal.ts";

/** The status as a node answers it, which may have another version. */
export interface ShownStatus {
  readonly version?: string;
  readonly node_pid?: number;
  readonly slug?: string | null;
  readonly uuid?: string | null;
  readonly started_at?: string;
  readonly broker?: {
    readonly url: string;
    readonly is_connected: boolean;
    readonly since: string;
  };
  readonly last_heartbeat?: string | null;
  readonly is_draining?: boolean;
  readonly lanes?: readonly {
    readonly kind: string;
    readonly running: number;
    readonly concurrency: number;
    readonly queued: number;
    readonly max_queued: number;
    readonly state?: string | null;
    readonly reason?: string | null;
  }[];
  readonly given_gpus?:
    | readonly { readonly name: string; readonly holders: readonly string[] }[]
    | null;
  readonly gpus?:
    | readonly {
      readonly index: number;
      readonly name: string;
      readonly utilization: number | null;
      readonly memory_used_bytes: number | null;
      readonly memory_total_bytes: number | null;
    }[]
    | null;
  readonly workloads?: readonly {
    readonly id: string;
    readonly kind: string;
    readonly progress?: Progress | null;
  }[];
  readonly finalizing?: number;
  readonly undelivered?: { readonly count: number; readonly oldest_at: string | null };
}

/** The exit code when no node runs, or it does not answer. */
const NOT_RUNNING = 1;

/** Shows the status. */
export async function run(args: Arguments): Promise<number> {
  const stateFolder = await useStateFolder(args);
  const pid = lockHolder(stateFolder);
  const status = pid === undefined ? undefined : await askForStatus(stateFolder);
  if (args.has("json")) print(JSON.stringify({ state_folder: stateFolder, node: status ?? null }));
  if (status === undefined) {
    const where = `with the state folder ${quoted(stateFolder)}`;
    report(
      pid === undefined
        ? `No node runs ${where}`
        : `The node that runs ${where} as process ${pid} does not answer`,
    );
    return NOT_RUNNING;
  }
  if (!args.has("json")) { for (const line of statusLines(status, Date.now())) print(line); }
  return 0;
}

/** A status as lines of text. */
export function statusLines(status: ShownStatus, now: number): string[] {
  const { node_pid, started_at, broker, last_heartbeat, lanes = [], undelivered } = status;
  const ago = (time: string | null | undefined) =>
    time === null || time === undefined ? "never" : duration(now - Date.parse(time));
  const name = status.slug === null ? "not registered yet" : `${status.slug} (${status.uuid})`;
  const state = status.is_draining ? ", draining: takes no new commands" : "";
  const rows: [string, string][] = [
    ["node", `${name}${state}`],
    ["process", `${node_pid}, for ${ago(started_at)}`],
    [
      "broker",
      `${broker?.url}, ${broker?.is_connected ? "connected" : "not connected"} for ${
        ago(broker?.since)
      }`,
    ],
    ["heartbeat", last_heartbeat ? `${ago(last_heartbeat)} ago` : "none yet"],
    ...lanes.map((lane): [string, string] => [
      lane.kind,
      `${lane.running} of ${lane.concurrency} running, ${lane.queued} of ${lane.max_queued} ` +
      `queued${unready(lane)}`,
    ]),
    ["undelivered", waiting(undelivered, ago)],
  ];
  if (status.given_gpus) rows.splice(-1, 0, ["gpus", gpusText(status.given_gpus, status)]);
  if (status.finalizing) rows.push(["uploads", `results of ${status.finalizing}`]);
  return table(rows).map(harmless);
}

/** Why a lane takes no commands. */
function unready(
  { state, reason }: { readonly state?: string | null; readonly reason?: string | null },
): string {
  if (!state || state === "ready" || state === "busy") return "";
  return `, ${state}${reason ? `: ${reason.trim().replaceAll(/\s+/g, " ")}` : ""}`;
}

/** Each GPU and what has it: a kind of command that runs, a worker or a server. */
function gpusText(
  gpus: NonNullable<ShownStatus["given_gpus"]>,
  { workloads = [] }: ShownStatus,
): string {
  return gpus.map(({ name, holders }) => {
    const kinds = holders.map((holder) =>
      workloads.find(({ id }) => id === holder)?.kind ?? holder
    );
    return `${name} ${kinds.length === 0 ? "free" : kinds.join(" and ")}`;
  }).join(", ");
}

function waiting(
  undelivered: ShownStatus["undelivered"],
  ago: (time: string | null) => string,
): string {
  if (!undelivered?.count) return "nothing";
  const { count, oldest_at } = undelivered;
  const messages = counted(count, "message");
  return oldest_at === null ? messages : `${messages}, the oldest for ${ago(oldest_at)}`;
}

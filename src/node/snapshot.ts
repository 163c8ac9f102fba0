/**
 * A node as it is now. `status`, the page and metrics are views of it, so that no figure is
 * computed twice.
 *
 * @module
 */
import manifest from "../../deno.json" with { type: "json" };
import { type CommandInfo, infoOf } from "../commands/command.ts";
import type { LaneState } from "../commands/queue.ts";
import type { StatusSource, WorkloadState } from "../commands/status.ts";
import type { ExecutorStatus } from "../executors/executor.ts";
import type { GpuMonitor, GpuReadings } from "../gpu/gpu_monitor.ts";
import type { GpuProcess } from "../gpu/nvidia_smi.ts";
import type { GpuPool, GpuState } from "../gpu/gpu_pool.ts";
import type { Messages } from "../journal/messages.ts";
import { isDiskFull } from "../state/private_folder.ts";
import type { CommandParts } from "./create/command_parts.ts";
import type { Executors } from "./create/create_executors.ts";
import type { CurrentIdentity } from "./current_identity.ts";

/** What a node knows of itself in memory. */
export interface NodeState {
  /** When it was started, in milliseconds since the epoch. */
  readonly startedAt: number;
  /** Who it is; `undefined` while it is not registered. */
  readonly identity: { readonly uuid: string; readonly slug: string } | undefined;
  readonly connection: {
    /** The broker, as `mqtt://host:port`. */
    readonly url: string;
    readonly isConnected: boolean;
    /** Since when it is so, in milliseconds since the epoch. */
    readonly since: number;
  };
  /** The pool it belongs to, if any, and whether it gets commands of it now. */
  readonly pool: { readonly name: string; readonly isMember: boolean } | undefined;
  /** Whether it takes no new commands. */
  readonly isDraining: boolean;
  /** Whether it was asked to stop. */
  readonly isStopping: boolean;
  /** How full the lane of each configured kind is. */
  readonly lanes: Readonly<Record<string, LaneState>>;
  /** What runs. */
  readonly workloads: readonly WorkloadState[];
  /** The commands whose result files are being sent. */
  readonly finalizing: readonly CommandInfo[];
  /** The state of the executor of each configured kind. */
  readonly executors: Readonly<Record<string, ExecutorStatus>>;
  /** The GPUs of the machine; `undefined`: they are not watched. */
  readonly gpus: GpuReadings | undefined;
  /** The processes that compute on GPUs, and whose they are. */
  readonly gpuProcesses: readonly OwnedGpuProcess[];
  /** The GPUs that are given to workloads, and who has them; `undefined`: none are given. */
  readonly gpuPool: readonly GpuState[] | undefined;
  /** When the backend accepted the last heartbeat, in milliseconds since the epoch. */
  readonly lastHeartbeat: number | undefined;
}

/** A node as it is now, with what only the disk tells. */
export interface NodeSnapshot extends NodeState {
  /** Whether it takes no new commands until there is space on its disk. */
  readonly isDiskFull: boolean;
  readonly outbox: {
    /** How many replies and statuses the broker has not acknowledged. */
    readonly pending: number;
    /** When the oldest of them was written, in milliseconds since the epoch. */
    readonly oldestAt: number | undefined;
  };
}

/** A process on a GPU, and the workload that it belongs to. */
interface OwnedGpuProcess extends GpuProcess {
  /** `undefined`: it is not known, or not of this node. */
  readonly workload: CommandInfo | undefined;
}

/** What a state is taken of. */
interface StateParts extends Pick<CommandParts, "acceptor" | "queue" | "runner" | "uploads"> {
  readonly identity: CurrentIdentity;
  /** When the node was started and its connection last changed, in milliseconds since the epoch. */
  readonly times: { readonly startedAt: number; readonly connectionSince: number };
  /** Aborts when the node is to stop. */
  readonly stopping: AbortSignal;
  readonly connection: { readonly url: string; readonly connected: boolean };
  readonly pool: { readonly name: string; readonly isMember: boolean } | undefined;
  readonly executors: Executors;
  /** What watches the GPUs, where something does. */
  readonly gpus: Pick<GpuMonitor, "readings"> | undefined;
  /** The GPUs to give, where some are given. */
  readonly gpuPool: Pick<GpuPool, "states"> | undefined;
}

/** What a snapshot is taken of. */
export interface SnapshotParts extends StateParts {
  /** Where the workloads have their files. */
  readonly workloadsFolder: string;
  readonly journal: { readonly messages: Pick<Messages, "backlog"> };
}

/** Takes a snapshot. */
export function snapshotOf(parts: SnapshotParts): NodeSnapshot {
  return {
    ...stateOf(parts),
    isDiskFull: isDiskFull(parts.workloadsFolder),
    outbox: parts.journal.messages.backlog(),
  };
}

/** What the node knows in memory: enough for `status`, whose sender waits for the reply. */
export function stateOf(parts: StateParts): NodeState {
  const { identity, connection, times, acceptor, queue, uploads, executors } = parts;
  const { kinds } = executors;
  const gpus = parts.gpus?.readings();
  return {
    startedAt: times.startedAt,
    identity: identity.current,
    connection: {
      url: connection.url,
      isConnected: connection.connected,
      since: times.connectionSince,
    },
    pool: parts.pool && { name: parts.pool.name, isMember: parts.pool.isMember },
    isDraining: acceptor.isDraining,
    isStopping: parts.stopping.aborted,
    lanes: Object.fromEntries(kinds.map((kind) => [kind, queue.lane(kind)])),
    workloads: parts.runner.runs().map(({ command, startedAt, execution, progress, gpus }) => ({
      ...infoOf(command),
      pid: execution?.pid,
      startedAt,
      ...(gpus !== undefined && { gpus }),
      ...(execution?.resources !== undefined && { resources: execution.resources }),
      ...(progress.latest !== undefined && { progress: progress.latest }),
    })),
    finalizing: uploads.commands().map(infoOf),
    executors: Object.fromEntries(
      kinds.map((kind) => [kind, executors.of(kind).status()]),
    ),
    gpus,
    gpuProcesses: owned(gpus?.processes ?? [], parts),
    gpuPool: parts.gpuPool?.states(),
    lastHeartbeat: identity.lastHeartbeat,
  };
}

/** Whose processes they are, as far as pids tell: a driver may show those of the host to a container. */
function owned(
  processes: readonly GpuProcess[],
  { runner }: Pick<StateParts, "runner">,
): OwnedGpuProcess[] {
  if (processes.length === 0) return [];
  const owners = new Map(
    runner.runs().flatMap(({ command, execution }) =>
      (execution?.pids ?? []).map((pid) => [pid, infoOf(command)] as const)
    ),
  );
  return processes.map((process) => ({ ...process, workload: owners.get(process.pid) }));
}

/** What `status` is answered with. */
export function statusSource(
  state: NodeState,
  profileSlug: string,
  now: number,
): StatusSource {
  const { identity, lanes, workloads, finalizing, executors } = state;
  return {
    slug: identity?.slug ?? "",
    uuid: identity?.uuid ?? "",
    profileSlug,
    kinds: Object.keys(lanes),
    version: manifest.version,
    startedAt: state.startedAt,
    isDraining: state.isDraining,
    pool: state.pool,
    lanes,
    running: workloads,
    finalizing: finalizing.map(({ workloadUuid }) => workloadUuid),
    executors,
    queued: Object.values(lanes).reduce((sum, { queued }) => sum + queued, 0),
    now,
  };
}

/** A node that has nothing to do. */
import type { NodeSnapshot } from "../../src/node/snapshot.ts";

/** Its snapshot. */
export const IDLE_SNAPSHOT: NodeSnapshot = {
  startedAt: 0,
  identity: { uuid: "u-1", slug: "my-node" },
  connection: { url: "mqtt://127.0.0.1:1883", isConnected: true, since: 0 },
  pool: undefined,
  isDraining: false,
  isDiskFull: false,
  isStopping: false,
  lanes: {},
  workloads: [],
  finalizing: [],
  executors: {},
  outbox: { pending: 0, oldestAt: undefined },
  gpus: undefined,
  gpuProcesses: [],
  gpuPool: undefined,
  lastHeartbeat: undefined,
};

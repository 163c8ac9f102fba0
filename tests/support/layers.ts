/** The parts of the source in layers. */

/** From the bottom to the top: each part may import from those below it, never from its neighbours. */
export const LAYERS: readonly (readonly string[])[] = [
  ["errors", "log_line", "time"],
  ["log", "permissions"],
  ["protocol"],
  ["os"],
  ["config", "state"],
  ["mqtt", "journal"],
  ["workloads", "backend"],
  ["executors", "gpu", "outbox", "results", "logs", "registration", "tracing"],
  ["commands"],
  ["node"],
  ["http", "client"],
  ["cloud_node", "cloud_node_client"],
  ["dev", "doctor", "service"],
  ["cli"],
];

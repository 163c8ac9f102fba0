/**
 * Turns any computer into a Cyberwave Cloud Node: a machine that takes `inference` and `training`
 * commands from the Cyberwave platform over MQTT, runs the shell commands configured for them and
 * answers with their results.
 *
 * Run as the main module, this is the command line: `deno run -A jsr:@cyberwave/cloud-node start`.
 *
 * @example
 * ```ts
 * import { CloudNode } from "@cyberwave/cloud-node";
 *
 * // cyberwave.yml in the current folder, the environment and .env files
 * await using node = await CloudNode.fromEnv({ slug: "my-gpu-node" });
 * // await node.run({ handleSignals: true });
 * console.log(node.identity); // undefined: it does not run
 * ```
 *
 * @module
 */
export { CloudNode } from "./src/cloud_node.ts";
export { CloudNodeClient } from "./src/cloud_node_client.ts";
export type {
  CallOptions,
  CancelOptions,
  CloudNodeClientOptions,
} from "./src/client/client_options.ts";
export type { CommandProgress } from "./src/client/command_progress.ts";
export { CommandFailedError, type CommandReply, NoReplyError } from "./src/client/command_reply.ts";
export type { ActiveWorkload, NodeStatus } from "./src/client/node_status.ts";
export type { StopSignal } from "./src/os/process_identity.ts";
export type { Handler, HandlerContext, HandlerOptions } from "./src/executors/handler/handler.ts";
export type { Handlers } from "./src/node/handlers.ts";
export type { CloudNodeOptions, NodeIdentity, RunOptions, RunResult } from "./src/node/options.ts";
export type {
  CloudNodeEvent,
  CloudNodeEvents,
  CloudNodeSnapshot,
  CommandEnd,
  ExecutorChange,
} from "./src/node/embedding.ts";
export type { CommandInfo } from "./src/commands/command.ts";
export type { Progress } from "./src/protocol/progress.ts";
export type { Resources } from "./src/protocol/resources.ts";
export type { JobOutput, LogFields, LogFormat, Logger, LogLevel } from "./src/log.ts";
export type {
  BodyForm,
  CloudNodeConfig,
  ControlPlaneName,
  PerKind,
} from "./src/config/node_config.ts";
export type {
  KubernetesConfig,
  RayConfig,
  SlurmConfig,
} from "./src/config/programs/cluster_programs.ts";
export type {
  CommandConfig,
  ProgramConfig,
  ReadinessConfig,
  ServerApi,
  ServerConfig,
  WarmConfig,
  WorkerConfig,
} from "./src/config/programs/workload_program.ts";
export type { WorkloadKind } from "./src/protocol/kinds.ts";
export {
  AuthenticationError,
  BackendError,
  BrokerError,
  CloudNodeError,
  type CloudNodeErrorOptions,
  ConfigError,
  InstallScriptError,
  MissingPermissionError,
  StateFolderInUseError,
} from "./src/errors.ts";

// main.ts imports this module, so awaiting it here would wait for itself.
if (import.meta.main) import("./main.ts").then(({ main }) => main(Deno.args));

/**
 * What runs the commands of a node.
 *
 * @module
 */
import type { Settings } from "../../config/config.ts";
import type { Program } from "../../config/programs/workload_program.ts";
import { type Executor, PROCESS_EXECUTOR } from "../../executors/executor.ts";
import type { GpuSource } from "../../executors/warm/gpu_share.ts";
import type { Handler } from "../../executors/handler/handler.ts";
import { HandlerExecutor } from "../../executors/handler/handler_executor.ts";
import {
  ProcessExecutor,
  type ProcessExecutorOptions,
} from "../../executors/process/process_executor.ts";
import type { Logger } from "../../log.ts";
import type { Host } from "../../os/processes.ts";
import { WORKLOAD_KINDS, type WorkloadKind } from "../../protocol/kinds.ts";
import { LoadedStates } from "../../state/loaded_states.ts";
import type { Clock } from "../../time.ts";
import type { NodeEvents } from "../events.ts";

/** What executors are made from. */
interface ExecutorsOptions {
  readonly settings: Settings;
  /** The functions that run commands, by the names of those. */
  readonly handlers: ReadonlyMap<string, Handler>;
  /** The environment of all workloads. */
  readonly env: Readonly<Record<string, string>>;
  readonly host: Host;
  /** The GPUs to give to workers and servers. Default: they see all that are there. */
  readonly gpus?: GpuSource;
  readonly loggerFor: (component: string) => Logger;
  readonly events: Pick<NodeEvents, "emit">;
}

/** What runs commands. */
export interface Executors {
  /** Each executor by its name, which is in the handles of the attempts it makes. */
  readonly byName: ReadonlyMap<string, Executor>;
  /** The kinds of command that one of them runs. */
  readonly kinds: readonly string[];
  /** The executor of a kind. */
  of(kind: string): Executor;
}

/** Where the kernel counts all processes that it kills for lack of memory. */
const MACHINE = "/proc/vmstat";

/** The name of the executor that runs commands by functions of the program. */
const HANDLER = "handler";

/** Makes an executor for each configured kind; those that run as processes share one. */
export async function createExecutors(
  options: ExecutorsOptions,
  clock: Clock,
): Promise<Executors> {
  const { settings, handlers } = options;
  // Both always exist: an earlier configuration may have left commands that they know.
  const process = createProcessExecutor(options, await memoryOf(options), clock);
  const handler = createHandlerExecutor(options, clock);
  const configured = WORKLOAD_KINDS.filter((kind) => settings[kind] !== undefined);
  const byName = new Map<string, Executor>([[PROCESS_EXECUTOR, process], [HANDLER, handler]]);
  const byKind = new Map<string, Executor>();
  const states = new LoadedStates(settings.stateFolder);
  for (const kind of configured) {
    const program = settings[kind];
    if (program === undefined || handlers.has(kind)) continue;
    const own = await createOwn(kind, program, options, clock);
    if (own === undefined) continue;
    states.note(kind, own.status());
    own.onStatus = (status) => {
      states.note(kind, status);
      options.events.emit("executor", { kind, ...status });
    };
    byName.set(own.name, own);
    byKind.set(kind, own);
  }
  return {
    byName,
    kinds: [...configured, ...handlers.keys()],
    of: (kind) => handlers.has(kind) ? handler : byKind.get(kind) ?? process,
  };
}

/**
 * Makes the executor that a kind has for itself, whose code is loaded only then; `undefined`: each
 * command is a process.
 */
async function createOwn(
  kind: WorkloadKind,
  program: Program,
  options: ExecutorsOptions,
  clock: Clock,
): Promise<(Executor & { readonly name: string }) | undefined> {
  switch (program.type) {
    case "command":
      return undefined;
    case "worker": {
      const { createWorkerExecutor } = await import("./create_worker_executor.ts");
      return createWorkerExecutor(kind, program, options, clock);
    }
    case "server": {
      const { createServerExecutor } = await import("./create_server_executor.ts");
      return createServerExecutor(kind, program, options, clock);
    }
    case "kubernetes": {
      const { createKubernetesExecutor } = await import("./create_kubernetes_executor.ts");
      return createKubernetesExecutor(kind, program, options, clock);
    }
    case "ray": {
      const { createRayExecutor } = await import("./create_ray_executor.ts");
      return createRayExecutor(kind, program, options, clock);
    }
    case "slurm": {
      const { createSlurmExecutor } = await import("./create_slurm_executor.ts");
      return createSlurmExecutor(kind, program, options, clock);
    }
  }
}

function createHandlerExecutor(
  { settings, handlers, host, loggerFor }: ExecutorsOptions,
  clock: Clock,
): Executor {
  const concurrency: Readonly<Record<string, number>> = settings.concurrency;
  return new HandlerExecutor({
    name: HANDLER,
    handlers,
    concurrencyOf: (kind) => concurrency[kind] ?? 1,
    bootId: host.bootId,
    resultsFolder: settings.resultsFolder,
    maxLog: settings.maxOutputFiles,
    clock,
    logger: loggerFor("workloads"),
  });
}

/** The limiter of the memory of commands, if there are limits. */
async function memoryOf(
  { settings: { memoryLimit: limits }, env, loggerFor }: ExecutorsOptions,
): Promise<ProcessExecutorOptions["memory"]> {
  if (Object.keys(limits).length === 0) return undefined;
  const { findMemoryLimiter } = await import("../../os/memory_limiter.ts");
  const limiter = await findMemoryLimiter(env);
  if (limiter.type === "ulimit") {
    loggerFor("workloads").warn(
      "The node cannot create systemd scopes, so memory_limit limits the address space of each " +
        "process (ulimit -v); CUDA needs much of it",
    );
  }
  return { limits, limiter };
}

function createProcessExecutor(
  { settings, env, host, loggerFor }: ExecutorsOptions,
  memory: ProcessExecutorOptions["memory"],
  clock: Clock,
): Executor {
  const { body, python, concurrency, maxOutputFiles, stateFolder, workFolder } = settings;
  const templates: Partial<Record<WorkloadKind, string>> = {};
  let atOnce = 0;
  for (const kind of WORKLOAD_KINDS) {
    const program = settings[kind];
    if (program?.type !== "command") continue;
    templates[kind] = program.command;
    atOnce += concurrency[kind];
  }
  return new ProcessExecutor({
    name: PROCESS_EXECUTOR,
    templates,
    body,
    python,
    maxOutputFiles,
    // No more than may run at once, and never more than two.
    spares: { workloadsFolder: `${stateFolder}/workloads`, count: Math.min(2, atOnce) },
    isMetered: true,
    memory,
    workFolder,
    env,
    // A scope is no part of the node's control group.
    host: memory?.limiter.type === "scope" ? { ...host, oomKillCounter: MACHINE } : host,
    clock,
    logger: loggerFor("workloads"),
  });
}

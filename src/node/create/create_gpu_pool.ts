/**
 * The GPUs that a node gives to its workloads. Loaded only where some are configured.
 *
 * @module
 */
import type { Settings } from "../../config/config.ts";
import { gpuProblems, gpusOfCommand } from "../../config/settings/gpu_settings.ts";
import { lanesOnGpus } from "../../config/lanes.ts";
import { CloudNodeError, quoted } from "../../errors.ts";
import { findGpus, type FoundGpu, type FoundGpus, isNamed } from "../../gpu/find_gpus.ts";
import { PROCESS_EXECUTOR } from "../../executors/executor.ts";
import { LeftLoaded } from "../../executors/warm/left_loaded.ts";
import { GpuPool } from "../../gpu/gpu_pool.ts";
import { seenDevices } from "../../gpu/visible_devices.ts";
import type { Logger } from "../../log.ts";
import type { Journal } from "../../journal/journal.ts";
import type { Host } from "../../os/processes.ts";
import { WORKLOAD_KINDS } from "../../protocol/kinds.ts";
import type { Clock } from "../../time.ts";

/**
 * There are fewer GPUs than the settings need. The driver may load later, so the service manager
 * tries again.
 */
class GpusMissingError extends CloudNodeError {
  /** Always 1. */
  readonly exitCode = 1;
}

/** How to look for the GPUs. */
interface GpuPoolOptions {
  readonly gpus: NonNullable<Settings["gpus"]>;
  readonly settings: Settings;
  /** The names of the commands that functions of the program run. */
  readonly handlers: { has(kind: string): boolean };
  /** The environment of all workloads. */
  readonly env: Readonly<Record<string, string>>;
  readonly journal: Pick<Journal, "unfinished">;
  readonly host: Host;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborts when the node is to stop. */
  readonly stopping: AbortSignal;
}

/** The GPUs to give, and the settings in which as many commands run at once as there are GPUs for. */
interface GivenGpus {
  readonly settings: Settings;
  readonly pool: GpuPool;
  /** Lets the programs that an earlier node left loaded keep their GPUs. */
  readonly left: LeftLoaded;
}

/**
 * Looks for the GPUs.
 *
 * @throws {GpusMissingError} when there are fewer than the settings say, or than they need
 * @throws the reason of `stopping` when that aborts meanwhile
 */
export async function createGpuPool(options: GpuPoolOptions): Promise<GivenGpus> {
  const { gpus, settings, handlers, env, journal, host, clock, logger, stopping } = options;
  const found = await findGpus({ signal: stopping });
  stopping.throwIfAborted();
  const names = namesOf(gpus, seenDevices(env), found);
  const aliases = aliasesOf(names, found.gpus);
  reportUnknown(names, found, logger);
  const [problem] = gpuProblems(settings, names.length);
  if (problem !== undefined) {
    throw new GpusMissingError(problem.message, { hint: problem.hint });
  }
  const needed = Object.fromEntries(WORKLOAD_KINDS.flatMap((kind) => {
    const isCommand = handlers.has(kind) || (settings[kind]?.type ?? "command") === "command";
    const count = handlers.has(kind) ? settings.gpusPer[kind] : gpusOfCommand(settings, kind);
    return isCommand ? [[kind, count]] : [];
  }));
  logger.info(`GPUs for workloads: ${names.join(", ")}`);
  const pool = new GpuPool({ names, aliases, needed });
  holdGpus(pool, journal, logger);
  const left = await LeftLoaded.find({
    ...{ stateFolder: settings.stateFolder, known: loadedNames(settings, handlers) },
    ...{ source: pool, host, clock, logger },
  });
  const concurrency = lanesOnGpus(settings, names.length);
  return { settings: { ...settings, concurrency }, pool, left };
}

/** The names of the programs that stay loaded. */
function loadedNames(
  settings: Settings,
  handlers: GpuPoolOptions["handlers"],
): ReadonlySet<string> {
  return new Set(
    WORKLOAD_KINDS.filter((kind) => !handlers.has(kind)).flatMap((kind) => {
      const program = settings[kind];
      if (program?.type === "server") return [`${kind}-server`];
      const workers = program?.type === "worker" ? program.workers : 0;
      return Array.from({ length: workers }, (_, number) => `${kind}-worker-${number}`);
    }),
  );
}

/**
 * Leaves what an earlier node has started the GPUs that it was given. What was started before any were
 * given may use each of them.
 */
function holdGpus(pool: GpuPool, journal: Pick<Journal, "unfinished">, logger: Logger): void {
  for (const { id, kind, state, handle } of journal.unfinished()) {
    if (state !== "running" || handle === undefined) continue;
    const mayUseAny = handle.executor === PROCESS_EXECUTOR && pool.needed(kind) !== 0;
    if (handle.gpus !== undefined || mayUseAny) pool.hold(id, handle.gpus);
    if (handle.gpus !== undefined || !mayUseAny) continue;
    logger.warn(
      `A ${kind} that was started without GPUs of its own still runs: no workload gets a GPU until it ` +
        "has ended",
      { workloadId: id, kind },
    );
  }
}

/** The names of the GPUs that the settings mean. */
function namesOf(
  gpus: NonNullable<Settings["gpus"]>,
  seen: readonly string[] | undefined,
  { gpus: found, problems }: FoundGpus,
): readonly string[] {
  if (typeof gpus === "object") return gpus;
  if (seen === undefined && gpus !== "auto" && found.length === 0) {
    // A container may have the drivers without these programs.
    return Array.from({ length: gpus }, (_, index) => String(index));
  }
  const all = seen ?? namesFound(found);
  const count = gpus === "auto" ? Math.max(1, all.length) : gpus;
  if (count <= all.length) return all.slice(0, count);
  const why = seen === undefined ? problems.join("; ") : "that is what CUDA_VISIBLE_DEVICES names";
  throw new GpusMissingError(
    `gpus is ${gpus}, but ${all.length === 0 ? "no GPU was" : `${all.length} were`} found` +
      (why === "" ? "" : ` (${why})`),
    { hint: "Name GPUs that exist, such as gpus: [0], or leave gpus out" },
  );
}

/** Numbers, which every framework reads; UUIDs where a part of a GPU has no number. */
function namesFound(found: readonly FoundGpu[]): string[] {
  const isDivided = found.some(({ index }) => index === undefined);
  return found.map(({ index, uuid }) => isDivided ? uuid! : String(index));
}

/** The other names of GPUs: what an earlier node gave is known by one of them. */
function aliasesOf(
  names: readonly string[],
  found: readonly FoundGpu[],
): Map<string, string> {
  const aliases = new Map<string, string>();
  for (const name of names) {
    const gpu = found.find((gpu) => isNamed(gpu, name));
    if (gpu === undefined) continue;
    for (const other of [String(gpu.index), gpu.uuid]) {
      if (other !== undefined && other !== name) aliases.set(other, name);
    }
  }
  return aliases;
}

/** Not an error: in a container the driver may not list all GPUs. */
function reportUnknown(
  names: readonly string[],
  { gpus }: FoundGpus,
  logger: Logger,
): void {
  if (gpus.length === 0) return;
  const missing = names.filter((name) => !gpus.some((gpu) => isNamed(gpu, name)));
  if (missing.length === 0) return;
  logger.warn(`gpus names ${missing.map(quoted).join(", ")}, which the driver does not list`);
}

/**
 * What `nvidia-smi` prints about the GPUs of this machine. Pure.
 *
 * @module
 */

/** The latest reading of a GPU. Values that the driver does not report are `undefined`, never 0. */
export interface GpuSample {
  /** Its number, by which CUDA_VISIBLE_DEVICES names it. */
  readonly index: number;
  /** The driver's name for it, the same after a reboot: `GPU-...`. */
  readonly uuid: string;
  /** Its model. */
  readonly name: string;
  /** How busy it is, from 0 to 1. */
  readonly utilization: number | undefined;
  readonly memoryUsedBytes: number | undefined;
  readonly memoryTotalBytes: number | undefined;
  readonly powerWatts: number | undefined;
  readonly temperatureCelsius: number | undefined;
}

const FIELDS = [
  "index",
  "uuid",
  "name",
  "utilization.gpu",
  "memory.used",
  "memory.total",
  "power.draw",
  "temperature.gpu",
] as const;

/** The arguments with which `nvidia-smi` prints a line for each GPU every `seconds`. */
export function nvidiaSmiArgs(seconds: number): string[] {
  return [`--query-gpu=${FIELDS.join()}`, "--format=csv,noheader,nounits", "-l", String(seconds)];
}

/**
 * Ends `nvidia-smi` at the end of standard input, which its reader holds open: while it prints
 * nothing, as without processes on a GPU, it would not notice that the reader was killed.
 */
const UNTIL_INPUT_ENDS = `
exec 3<&0
nvidia-smi "$@" </dev/null 3<&- &
program=$!
{ read -r _ <&3; kill -s KILL $program; } >/dev/null &
watcher=$!
exec 3<&-
wait $program
code=$?
kill $watcher
exit $code`;

/** The arguments of a shell that runs `nvidia-smi` with these, until its standard input ends. */
export function nvidiaSmi(args: readonly string[]): string[] {
  return ["-c", UNTIL_INPUT_ENDS, "nvidia-smi", ...args];
}

const MIB = 1024 * 1024;

/** Reads a line; `undefined`: it is about no GPU, but an error or a warning. */
export function parseNvidiaSmi(line: string): GpuSample | undefined {
  const values = line.split(",").map((value) => value.trim());
  // A model's name may have a comma in it, the other values have none.
  const [index, uuid] = values;
  if (values.length < FIELDS.length || !/^\d+$/.test(index) || !/^[\w-]+$/.test(uuid)) {
    return undefined;
  }
  const [utilization, memoryUsed, memoryTotal, power, temperature] = values.slice(-5).map(numberIn);
  return {
    index: Number(index),
    uuid,
    name: values.slice(2, -5).join(", "),
    utilization: utilization === undefined ? undefined : utilization / 100,
    memoryUsedBytes: memoryUsed === undefined ? undefined : memoryUsed * MIB,
    memoryTotalBytes: memoryTotal === undefined ? undefined : memoryTotal * MIB,
    powerWatts: power,
    temperatureCelsius: temperature,
  };
}

/** A process that computes on a GPU. */
export interface GpuProcess {
  /** As the driver knows it: in a container it may be the pid on the host. */
  readonly pid: number;
  /** The GPU that it is on. */
  readonly gpuUuid: string;
  /** How much of the GPU's memory it uses; `undefined`: the driver does not report it. */
  readonly memoryUsedBytes: number | undefined;
}

/** The arguments with which `nvidia-smi` prints a line for each process on a GPU every `seconds`. */
export function computeAppsArgs(seconds: number): string[] {
  const fields = "--query-compute-apps=gpu_uuid,pid,used_memory";
  return [fields, "--format=csv,noheader,nounits", "-l", String(seconds)];
}

/** Reads such a line; `undefined`: it is about no process. */
export function parseComputeApp(line: string): GpuProcess | undefined {
  const [gpuUuid = "", pid = "", memory = "", ...more] = line.split(",").map((value) =>
    value.trim()
  );
  if (more.length > 0 || !/^(GPU|MIG)-[\w-]+$/.test(gpuUuid) || !/^\d+$/.test(pid)) {
    return undefined;
  }
  const used = numberIn(memory);
  return {
    pid: Number(pid),
    gpuUuid,
    memoryUsedBytes: used === undefined ? undefined : used * MIB,
  };
}

/** A number; `undefined` for `[N/A]`, `[Not Supported]`, `[Unknown Error]`, `[GPU requires reset]`. */
function numberIn(value: string): number | undefined {
  return /^\d+(\.\d+)?$/.test(value) ? Number(value) : undefined;
}

/**
 * Which GPUs this computer has, and whether they are those that workloads are to be given.
 *
 * @module
 */
import type { Settings } from "../config/config.ts";
import { findGpus, isNamed } from "../gpu/find_gpus.ts";
import { askShell, NO_SUCH_PROGRAM } from "../os/ask_shell.ts";
import { type Check, fail, type Finding, ok, warn } from "./finding.ts";

/** What nvidia-smi prints for each GPU: `NVIDIA L4, 23034 MiB, 550.54`. */
const GPU_QUERY = "--query-gpu=name,memory.total,driver_version --format=csv,noheader";

/** Which GPUs there are. Many nodes have none. */
export function gpuCheck({ gpus }: Pick<Settings, "gpus">): Check {
  let asked = "nvidia-smi";
  return {
    name: "gpu",
    async run(signal) {
      const { code, stdout, stderr } = await askShell(
        "sh",
        ["-c", `exec nvidia-smi ${GPU_QUERY}`],
        signal,
      );
      if (code !== 0 && code !== NO_SUCH_PROGRAM) {
        const why = (stdout + stderr).trim().split("\n")[0];
        return warn(
          `nvidia-smi fails with code ${code}: ${why}`,
          "Check the driver: run nvidia-smi",
        );
      }
      if (code === NO_SUCH_PROGRAM) asked = "rocm-smi";
      const described = code === 0 ? stdout.trim().split("\n").join("; ") : undefined;
      return gpus === undefined && described !== undefined
        ? ok(described)
        : await compare(gpus, described, signal);
    },
    // A node that is to give GPUs away looks for them the same way.
    late: (seconds) => (gpus === undefined ? warn : fail)(...hanging(asked, seconds)),
  };
}

/** A program that waits for its driver, and what to do about that. */
function hanging(program: string, seconds: number): [detail: string, fix: string] {
  return [
    `${program} has not answered within ${seconds} s`,
    "Its driver hangs or loads: wait longer with --timeout; if that does not help, look for " +
    "errors of the GPU in dmesg (Xid, amdgpu) and restart the computer",
  ];
}

/** Compares the configured GPUs with those that were found. */
async function compare(
  gpus: Settings["gpus"],
  described: string | undefined,
  signal: AbortSignal,
): Promise<Finding> {
  const { gpus: found } = await findGpus({ signal });
  const amd = found.length === 0 ? undefined : `rocm-smi finds ${found.length}`;
  const there = described ?? amd ?? "neither nvidia-smi nor rocm-smi finds any";
  if (gpus === undefined) return ok(there);
  const fix = "Check the driver, or name the GPUs that there are in gpus";
  if (typeof gpus === "object") {
    const missing = gpus.filter((name) => !found.some((gpu) => isNamed(gpu, name)));
    if (missing.length === 0) return ok(`${there}; workloads are given ${gpus.join(", ")}`);
    return warn(`${there}; gpus names ${missing.join(", ")}, which is not there`, fix);
  }
  const enough = gpus === "auto" ? found.length > 0 : found.length >= gpus;
  if (!enough) return fail(`${there}, but gpus is ${gpus}`, fix);
  return ok(`${there}; workloads are given ${gpus === "auto" ? "all" : `the first ${gpus}`}`);
}

/**
 * The variables by which programs see some GPUs and no others. Pure.
 *
 * @module
 */

/** What no GPU is called: CUDA and HIP see none then. */
const NONE = "-1";

/** How ROCm writes the UUID of a GPU. */
const ROCM_UUID = /^GPU-[0-9a-f]{16}$/i;

/**
 * The variables for these GPUs, all of them numbers or all of them UUIDs. A number means the same to
 * CUDA and HIP, which read the variable of their own name first. HIP takes no UUIDs, but what it is
 * built on does.
 */
export function visibleDevices(names: readonly string[]): Record<string, string> {
  const list = names.length === 0 ? NONE : names.join();
  if (names.some((name) => ROCM_UUID.test(name))) return { ROCR_VISIBLE_DEVICES: list };
  if (names.some(isUuid)) return { CUDA_VISIBLE_DEVICES: list };
  return {
    CUDA_VISIBLE_DEVICES: list,
    // In the order of nvidia-smi; CUDA would begin with the fastest.
    CUDA_DEVICE_ORDER: "PCI_BUS_ID",
    HIP_VISIBLE_DEVICES: list,
  };
}

/** The GPUs that the variables of the node let it see itself; `undefined`: all. */
export function seenDevices(env: Readonly<Record<string, string>>): string[] | undefined {
  const list = env.CUDA_VISIBLE_DEVICES ?? env.HIP_VISIBLE_DEVICES;
  const names = list?.split(",").map((name) => name.trim());
  // Both stop at the first that names none.
  const end = names?.findIndex((name) => !/^\d+$/.test(name) && !isUuid(name)) ?? -1;
  return end === -1 ? names : names!.slice(0, end);
}

/** Whether a GPU is named by its UUID. */
export function isUuid(name: string): boolean {
  return /^(GPU|MIG)-/.test(name);
}

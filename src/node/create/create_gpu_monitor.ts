/**
 * What watches the GPUs, which is loaded only where somebody may ask about them.
 *
 * @module
 */
import type { GpuMonitor } from "../../gpu/gpu_monitor.ts";
import type { Logger } from "../../log.ts";
import type { Clock } from "../../time.ts";

/** Makes it. */
export async function createGpuMonitor(clock: Clock, logger: Logger): Promise<GpuMonitor> {
  const { GpuMonitor } = await import("../../gpu/gpu_monitor.ts");
  return new GpuMonitor({ clock, logger });
}

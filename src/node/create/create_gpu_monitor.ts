/**
 * What watches the GPUs, loaded only if something needs to know about them.
 *
 * @module
 */
import type { GpuMonitor } from "../../gpu/gpu_monitor.ts";
import type { Logger } from "../../log.ts";
import type { Clock } from "../../time.ts";

/** Makes the monitor. */
export async function createGpuMonitor(clock: Clock, logger: Logger): Promise<GpuMonitor> {
  const { GpuMonitor } = await import("../../gpu/gpu_monitor.ts");
  return new GpuMonitor({ clock, logger });
}

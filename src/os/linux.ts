/**
 * Linux.
 *
 * @module
 */
import type { OperatingSystem } from "./operating_system.ts";
import { procfs } from "./procfs.ts";

/** Linux. */
export const linux: OperatingSystem = {
  processes: procfs,
  sessionProgram: "setsid",
  pipeBuffer: 4096,
  endSignals: ["SIGTERM", "SIGINT", "SIGHUP"],
  drainSignals: ["SIGQUIT"],
  homeVariable: "HOME",
  syncsFolders: true,
};

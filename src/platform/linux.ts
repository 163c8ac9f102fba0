/**
 * Linux.
 *
 * @module
 */
import type { Platform } from "./platform.ts";
import { procfs } from "./procfs.ts";

/** Linux. */
export const linux: Platform = {
  processes: procfs,
  endSignals: ["SIGTERM", "SIGINT", "SIGHUP"],
  drainSignals: ["SIGQUIT"],
  homeVariable: "HOME",
  syncsFolders: true,
};

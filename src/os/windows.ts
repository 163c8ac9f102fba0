/**
 * Windows, with the shell of Git or MSYS2: that has pids, process groups and a /proc of its own, and
 * all that is looked at or signalled is known by those.
 *
 * @module
 */
import type { OperatingSystem } from "./operating_system.ts";
import { procfs } from "./procfs.ts";

/** Windows. */
export const windows: OperatingSystem = {
  processes: procfs,
  pipeBuffer: 512,
  endSignals: ["SIGINT", "SIGBREAK"],
  drainSignals: [],
  homeVariable: "USERPROFILE",
  // Folders cannot be opened there.
  syncsFolders: false,
};

/**
 * macOS, and whatever else has neither /proc nor a registry: processes are looked at with ps.
 *
 * @module
 */
import type { OperatingSystem, SeenProcess } from "./operating_system.ts";

// Each column in a flag of its own: after an equals sign the rest of a flag may be a heading.
const STAT = "ps -o stat= -o lstart= -p";

/** macOS. */
export const macos: OperatingSystem = {
  processes: {
    bootId: "sysctl -n kern.bootsessionuuid 2>/dev/null",
    stat: `stat=$(${STAT} "$pid")`,
    ownStat: `cloud_node_stat=$(${STAT} $$)`,
    // [[days-]hours:]minutes:seconds
    age: `
      age=$(ps -o etime= -p "$pid" | awk -F '[-:]' '{
        for (i = 1; i <= NF; i++) seconds = seconds * (i > 1 && NF - i == 2 ? 24 : 60) + $i
        print seconds
      }')`,
    all: "ps -A -o stat= -o pid= -o ppid= -o pgid= -o lstart=",
    holding: "",
    pipeHolders: "",
    workingFolders: "lsof -w -d cwd -Fn | sed -n 's|^n||p'",
    startedWithFiles: "",
    startedWithEnvironment: "",
    oomKillCounter: "",
    usage: "",
    ownIo: ":",
    parseStartTime,
    parseAll,
  },
  pipeBuffer: 512,
  endSignals: ["SIGTERM", "SIGINT", "SIGHUP"],
  drainSignals: ["SIGQUIT"],
  homeVariable: "HOME",
  syncsFolders: true,
};

/** What follows the state: `Ss   Mon Nov 23 11:48:39 2026`. */
function parseStartTime(stat: string): string | undefined {
  const [, state = "Z", startTime] = /^(\S+)\s+(.*?)\s*$/.exec(stat) ?? [];
  return state.startsWith("Z") ? undefined : startTime || undefined;
}

function parseAll(text: string): SeenProcess[] {
  const lines = text.matchAll(/^\s*([^Z\s]\S*)\s+(\d+)\s+(\d+)\s+(\d+)\s+(.*?)\s*$/gm);
  return Array.from(lines, ([, , pid, parent, group, startTime]) => ({
    pid: Number(pid),
    parent: Number(parent),
    group: Number(group),
    session: 0,
    startTime: startTime!,
  }));
}

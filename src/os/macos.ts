/**
 * macOS, and whatever else has neither /proc nor a registry: processes are looked at with ps.
 *
 * @module
 */
import type { OperatingSystem } from "./operating_system.ts";

// Each column in a flag of its own: after an equals sign the rest of a flag may be a heading.
const STAT = "ps -o stat= -o lstart= -p";

/** macOS. */
export const macos: OperatingSystem = {
  processes: {
    bootId: "sysctl -n kern.bootsessionuuid 2>/dev/null",
    stat: `stat=$(${STAT} "$pid")`,
    ownStat: `
      cloud_node_pid=$(exec sh -c 'echo $PPID')
      cloud_node_stat=$(${STAT} "$cloud_node_pid")`,
    groupLives: `
      ps -A -o pid= -o ppid= -o pgid= -o stat= | while read -r member parent group state; do
        [ "$group" = "$cloud_node_pid" ] || continue
        [ "$member" != "$cloud_node_pid" ] && [ "$parent" != "$cloud_node_pid" ] || continue
        [ "\${state#Z}" = "$state" ] && exit 1
      done
      [ $? != 0 ]`,
    workingFolders: "lsof -w -d cwd -Fn | sed -n 's|^n||p'",
    parseStartTime,
  },
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

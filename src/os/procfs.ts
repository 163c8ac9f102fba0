/**
 * Looking at processes where there is /proc: reading it costs a shell no further process.
 *
 * @module
 */
import type { ProcessScripts } from "./operating_system.ts";

/** Processes under /proc. */
export const procfs: ProcessScripts = {
  bootId: "cat /proc/sys/kernel/random/boot_id 2>/dev/null",
  stat: `{ read -r stat </proc/"$pid"/stat; } 2>/dev/null`,
  ownStat: "read -r cloud_node_stat </proc/self/stat; cloud_node_pid=${cloud_node_stat%% *}",
  groupLives: `
    for cloud_node_stat in /proc/[0-9]*/stat; do
      [ "$cloud_node_stat" = "/proc/$cloud_node_pid/stat" ] && continue
      { read -r cloud_node_stat <"$cloud_node_stat"; } 2>/dev/null || continue
      set -- \${cloud_node_stat##*) }
      [ "$3" = "$cloud_node_pid" ] && [ "$1" != Z ] && return 0
    done
    return 1`,
  workingFolders: `
    ls -l /proc/[0-9]*/cwd 2>/dev/null | sed -n 's|.* /proc/[0-9]*/cwd -> ||p'`,
  parseStartTime,
};

/** The 22nd field of /proc/PID/stat. The 2nd may hold anything, up to the last parenthesis. */
function parseStartTime(stat: string): string | undefined {
  const fields = stat.slice(stat.lastIndexOf(") ") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

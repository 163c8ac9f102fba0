/**
 * Looking at processes where there is /proc: reading it costs a shell no further process.
 *
 * @module
 */
import type { ProcessScripts, SeenProcess } from "./operating_system.ts";

/** Processes under /proc. */
export const procfs: ProcessScripts = {
  bootId: "cat /proc/sys/kernel/random/boot_id 2>/dev/null",
  stat: `{ read -r stat </proc/"$pid"/stat; } 2>/dev/null`,
  ownStat: "read -r cloud_node_stat </proc/$$/stat",
  // Both in hundredths of a second since boot, which is the unit of /proc everywhere.
  age: `
    read -r uptime _ </proc/uptime
    set -- \${stat##*) }
    age=$((\${uptime%.*} - \${20} / 100))`,
  all: "cat /proc/[0-9]*/stat 2>/dev/null",
  holding: `grep -lF -e "$1" /proc/[0-9]*/environ 2>/dev/null`,
  // find(1) looks at the links alone, so that nothing it prints was chosen by those it looks at.
  pipeHolders: `
    pipes=' '
    for pid; do
      link=$(ls -l /proc/"$pid"/fd/0 2>/dev/null)
      pipe=\${link##* -> pipe:\\[} pipe=\${pipe%]}
      case $pipe in *[!0-9]* | '') continue ;; esac
      case $pipes in *" $pipe "*) continue ;; esac
      pipes="$pipes$pipe "
      find /proc/[0-9]*/fd -lname "pipe:\\[$pipe\\]" 2>/dev/null
    done
    :`,
  workingFolders: `
    ls -l /proc/[0-9]*/cwd 2>/dev/null | sed -n 's|.* /proc/[0-9]*/cwd -> ||p'`,
  // Deno has raised its own: what it was started with is what its parent has. Of an orphan, whose
  // parent is an init process, the leader of its session knows, if it lives. systemd has raised its
  // own as well, and says what it gives to others.
  startedWithFiles: `
    soft_limit() {
      while read -r first second third soft _; do
        [ "$first $second $third" != "Max open files" ] || echo "$soft"
      done </proc/$1/limits
    }
    manager_says() {
      property=$1; shift
      systemctl "$manager" show -p "$property" --value -- "$@" 2>/dev/null
    }
    { read -r stat </proc/$PPID/stat; } 2>/dev/null && set -- \${stat##*) } &&
    { read -r name </proc/$2/comm; } 2>/dev/null &&
    if [ "$2" != 1 ] && [ "$name" != systemd ]; then soft_limit "$2"
    elif [ "$4" != "$PPID" ] && [ -e /proc/$4/limits ]; then soft_limit "$4"
    elif [ "$name" = systemd ]; then
      [ "$2" = 1 ] && manager=--system || manager=--user
      while IFS= read -r line; do unit=\${line##*/}; done </proc/$PPID/cgroup
      limit=$(manager_says LimitNOFILESoft "$unit")
      echo "\${limit:-$(manager_says DefaultLimitNOFILESoft)}"
    else soft_limit "$2"
    fi`,
  startedWithEnvironment: "cat /proc/$PPID/environ 2>/dev/null",
  // Control groups of version 2 count what is killed in those below them as well, so that one
  // without a memory controller is counted above. Those of version 1 do not. In a container their
  // path is that on the host, and their files are at the top.
  oomKillCounter: `
    found() { grep -qs '^oom_kill ' "$1" && echo "$1"; }
    control_group() {
      while IFS=: read -r _ controllers path; do
        case ,$controllers, in
          ,,)
            path=\${path%/}
            while ! found /sys/fs/cgroup"$path"/memory.events; do
              [ -n "$path" ] || continue 2
              path=\${path%/*}
            done
            return ;;
          *,memory,*)
            for path in "\${path%/}" ''; do
              ! found /sys/fs/cgroup/memory"$path"/memory.oom_control || return 0
            done ;;
        esac
      done
      return 1
    }
    control_group 2>/dev/null </proc/self/cgroup || found /proc/vmstat`,
  usage: `
    text=$1; shift
    environs= files=
    for pid; do
      environs="$environs /proc/$pid/environ"
      files="$files /proc/$pid/status /proc/$pid/io"
    done
    grep -lsF -e "$text" $environs
    printf '\\n\\n'
    grep -sH -e '^VmHWM:' -e '^VmRSS:' -e '^read_bytes:' -e '^write_bytes:' $files
    :`,
  ownIo: `
    if {
      read -r _; read -r _; read -r _; read -r _
      read -r _ cloud_node_io_read; read -r _ cloud_node_io_written
    } 2>/dev/null </proc/$$/io; then cloud_node_io="$cloud_node_io_read $cloud_node_io_written"; fi`,
  parseStartTime,
  parseAll,
};

/** The 22nd field of /proc/PID/stat. The 2nd may hold anything, up to the last parenthesis. */
function parseStartTime(stat: string): string | undefined {
  const fields = stat.slice(stat.lastIndexOf(") ") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

/** A name has 15 characters at most, too few to look like another line. */
const STAT =
  /^(\d+) \([^]*?\) ([A-Za-z]) (-?\d+) (-?\d+) (-?\d+) (?:-?\d+ ){7}(\d+) (\d+) (\d+) (\d+) (?:-?\d+ ){4}(\d+) /gm;

/** How many units of time in /proc are a second. */
const TICKS = 100;

function parseAll(text: string): SeenProcess[] {
  return Array.from(text.matchAll(STAT))
    .filter(([, , state]) => state !== "Z" && state !== "X")
    .map((
      [, pid, , parent, group, session, user, system, childrenUser, childrenSystem, startTime],
    ) => ({
      pid: Number(pid),
      parent: Number(parent),
      group: Number(group),
      session: Number(session),
      startTime: startTime!,
      cpuSeconds: [user, system, childrenUser, childrenSystem].reduce(
        (sum, ticks) => sum + Number(ticks) / TICKS,
        0,
      ),
    }));
}

/**
 * Looking at processes and signalling them, without ever touching one that only shares a pid.
 * All of it goes through `sh`: it needs no permission but to run that.
 *
 * @module
 */
import type { ProcessIdentity, StopSignal } from "../journal/record.ts";
import { CloudNodeError } from "../errors.ts";
import { readEnvironment } from "../permissions.ts";
import { withoutLinker } from "./environment.ts";

/** What is the same for all workloads of this machine. */
export interface Host {
  /** Identifies this boot; `""` when it cannot be told. */
  readonly bootId: string;
  /** The shell that templates run under: `bash`, or `sh` where there is none. */
  readonly shell: "bash" | "sh";
}

/** `sh` cannot be run, without which no workload can. */
export class ShellMissingError extends CloudNodeError {
  /** Always 1. */
  readonly exitCode = 1;
}

const HOST_SCRIPT = `
command -v bash >/dev/null && echo bash || echo sh
cat /proc/sys/kernel/random/boot_id 2>/dev/null || sysctl -n kern.bootsessionuuid 2>/dev/null || :
`;

/** Learns what is the same for all workloads of this machine. */
export async function inspectHost(): Promise<Host> {
  try {
    const [shell, bootId = ""] = (await shellOutput(HOST_SCRIPT)).split("\n");
    return { shell: shell === "bash" ? "bash" : "sh", bootId };
  } catch (error) {
    throw new ShellMissingError('Cannot run "sh", which every workload needs', {
      hint: "Put a POSIX shell on the PATH, and allow it with --allow-run=sh",
      cause: error,
    });
  }
}

// Prints the pid and its start time on two lines, for those that exist and are no zombies.
const INSPECT_SCRIPT = `
for pid; do
  if [ -d /proc/self ]; then
    { read -r stat </proc/"$pid"/stat; } 2>/dev/null || continue
  else
    stat=$(ps -o stat=,lstart= -p "$pid") || continue
    case $stat in Z*) continue ;; esac
    stat=\${stat#* }
  fi
  printf '%s\\n%s\\n' "$pid" "$stat"
done
`;

/** The start times of the processes that exist among `pids`. */
export async function startTimes(pids: readonly number[]): Promise<Map<number, string>> {
  const lines = (await shellOutput(INSPECT_SCRIPT, pids.map(String))).trimEnd().split("\n");
  const found = new Map<number, string>();
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const startTime = parseStartTime(lines[i + 1]);
    if (startTime !== undefined) found.set(Number(lines[i]), startTime);
  }
  return found;
}

/**
 * The start time in a line of /proc/PID/stat (its 22nd field; the 2nd may hold anything, up to the
 * last parenthesis) or of `ps -o lstart=`; `undefined` for a zombie, which has ended.
 */
export function parseStartTime(line: string): string | undefined {
  const afterName = line.lastIndexOf(") ");
  if (afterName === -1) return line.trim() || undefined;
  const fields = line.slice(afterName + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

const FOLDERS_SCRIPT = `
if [ -d /proc/self ]; then
  ls -l /proc/[0-9]*/cwd 2>/dev/null | sed -n 's|.* /proc/[0-9]*/cwd -> ||p'
else
  lsof -w -d cwd -Fn | sed -n 's|^n||p'
fi
`;

/** The folders in which processes work. Throws when that cannot be told. */
export async function foldersInUse(): Promise<Set<string>> {
  const folders = (await shellOutput(FOLDERS_SCRIPT)).split("\n").filter((path) => path !== "");
  // This one works somewhere, too: where nothing is found, nothing can be seen.
  if (folders.length === 0) throw new Error("Cannot see in which folders processes work");
  return new Set(folders);
}

const SIGNAL_SCRIPT = `kill -s "$1" -- "-$2" 2>/dev/null`;

/**
 * Sends `signal` to the process group that `process` leads, if it still is that process.
 *
 * @returns whether it was.
 */
export async function signalGroup(
  process: ProcessIdentity,
  signal: StopSignal,
  host: Host,
): Promise<boolean> {
  if (process.bootId !== host.bootId) return false;
  // A process that ends in between leaves its pid unused for far longer than this takes.
  if ((await startTimes([process.pid])).get(process.pid) !== process.startTime) return false;
  return await signalOwnGroup(process.pid, signal);
}

/** Sends `signal` to the process group of a child that has not been waited for. */
export async function signalOwnGroup(pid: number, signal: StopSignal): Promise<boolean> {
  return (await runShell(SIGNAL_SCRIPT, [signal.slice(3), String(pid)])).success;
}

async function shellOutput(script: string, args: readonly string[] = []): Promise<string> {
  const { success, stdout } = await runShell(script, args);
  // What it did not print then proves nothing.
  if (!success) throw new Error('"sh" was ended before it had looked');
  return new TextDecoder().decode(stdout);
}

function runShell(script: string, args: readonly string[]): Promise<Deno.CommandOutput> {
  return new Deno.Command("sh", {
    args: ["-c", script, "sh", ...args],
    clearEnv: true,
    env: withoutLinker(readEnvironment()),
    stdin: "null",
    stderr: "null",
  }).output();
}

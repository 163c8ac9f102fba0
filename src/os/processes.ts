/**
 * Looking at processes and signalling them, without ever touching one that only shares a pid.
 * All of it goes through `sh`: it needs no permission but to run that.
 *
 * @module
 */
import type { ProcessIdentity, StopSignal } from "./process_identity.ts";
import { CloudNodeError } from "../errors.ts";
import { readEnvironment } from "../permissions.ts";
import { OS } from "./current.ts";
import { withoutLinker } from "./child_environment.ts";

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
${OS.processes.bootId} || :
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

// Prints the pid and what is known of it on two lines, for those that exist.
const INSPECT_SCRIPT = `
for pid; do
  ${OS.processes.stat} || continue
  printf '%s\\n%s\\n' "$pid" "$stat"
done
`;

/** The start times of the processes that exist among `pids`. */
export async function startTimes(pids: readonly number[]): Promise<Map<number, string>> {
  const lines = (await shellOutput(INSPECT_SCRIPT, pids.map(String))).trimEnd().split("\n");
  const found = new Map<number, string>();
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const startTime = OS.processes.parseStartTime(lines[i + 1]);
    if (startTime !== undefined) found.set(Number(lines[i]), startTime);
  }
  return found;
}

/** The folders in which processes work. Throws when that cannot be told. */
export async function foldersInUse(): Promise<Set<string>> {
  const folders = (await shellOutput(OS.processes.workingFolders)).split("\n").filter((
    path,
  ) => path !== "");
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

/**
 * Looking at processes and signalling them, without ever touching one that only shares a pid.
 * All of it goes through `sh`: it needs no permission but to run that.
 *
 * @module
 */
import { CloudNodeError } from "../errors.ts";
import { OS } from "./current.ts";
import type { SeenProcess } from "./operating_system.ts";
import { ignoresHangup } from "./hangup.ts";
import type { ProcessIdentity, StopSignal } from "./process_identity.ts";
import { shellEnvironment } from "./shell_environment.ts";

/** What is the same for all workloads of this machine. */
export interface Host {
  /** Identifies this boot; `""` when it is unknown. */
  readonly bootId: string;
  /** The shell that templates run under: `bash`, or `sh` where there is none. */
  readonly shell: "bash" | "sh";
  /** Where that is. */
  readonly shellPath: string;
  /** The file mode creation mask that the node was started with, in octal. */
  readonly umask: string;
  /** The soft limit of open files that the node was started with, where that can be seen. */
  readonly openFiles?: number;
  /** Whether the node was started with SIGHUP ignored, as by nohup(1). */
  readonly ignoresHangup: boolean;
  /** The environment variables that the node cannot pass on, because they are not UTF-8. */
  readonly unreadable: readonly string[];
  /** The file in which the kernel counts what it killed for lack of memory, where there is one. */
  readonly oomKillCounter?: string;
}

/** `sh` cannot be run, without which no workload can. */
export class ShellMissingError extends CloudNodeError {
  /** Always 1. */
  readonly exitCode = 1;
}

const FIND_SHELL = "command -v bash || command -v sh";

// Each answer but the last is a line.
const HOST_SCRIPT = `
line() { head=$1; echo "\${head%%
*}"; }
line "$(${FIND_SHELL})"
line "$(umask)"
line "$(${OS.processes.startedWithFiles || ":"}
)"
line "$(${OS.processes.oomKillCounter || ":"}
)"
line "$(${OS.processes.bootId})"
${OS.processes.startedWithEnvironment || ":"}
:`;

/** The shell that templates run under. */
export async function findShell(): Promise<Host["shell"]> {
  return shellAt(new TextDecoder().decode(await askHost(FIND_SHELL)).trimEnd());
}

/** Learns what is the same for all workloads of this machine. */
export async function inspectHost(): Promise<Host> {
  const bytes = await askHost(HOST_SCRIPT);
  // Latin-1 keeps each byte, whatever it means.
  const [shellPath, umask, openFiles, oomKillCounter, bootId, ...rest] = new TextDecoder("latin1")
    .decode(bytes).split("\n");
  return {
    bootId: bootId!,
    shell: shellAt(shellPath!),
    shellPath: shellPath!,
    umask: umask!,
    ...(/^\d+$/.test(openFiles!) && { openFiles: Number(openFiles) }),
    ignoresHangup: ignoresHangup(),
    unreadable: unreadableVariables(rest.join("\n")),
    ...(oomKillCounter !== "" && { oomKillCounter }),
  };
}

async function askHost(script: string): Promise<Uint8Array> {
  try {
    return await shellBytes(script);
  } catch (error) {
    throw new ShellMissingError('Cannot run "sh", which every workload needs', {
      hint: "Put a POSIX shell on the PATH, and allow it with --allow-run=sh",
      cause: error,
    });
  }
}

function shellAt(path: string): Host["shell"] {
  return /(^|\/)bash$/.test(path) ? "bash" : "sh";
}

/** The names of variables that are no UTF-8. `environment` has a character for each byte. */
function unreadableVariables(environment: string): string[] {
  const utf8 = new TextDecoder("utf-8", { fatal: true });
  return environment.split("\0").filter((variable) => {
    try {
      utf8.decode(Uint8Array.from(variable, (character) => character.charCodeAt(0)));
      return false;
    } catch {
      return true;
    }
  }).map((variable) => variable.slice(0, variable.indexOf("=")));
}

/** What is known of a process. */
interface Inspected {
  /** When it started, in whatever form the operating system says it. */
  readonly startTime: string;
  /** How long ago that was, by the clock of the boot, in milliseconds. */
  readonly ageMs: number;
}

// Prints the pid, the age and what else is known on three lines, for those that exist.
const INSPECT_SCRIPT = `
inspect() {
  pid=$1
  ${OS.processes.stat} || return 0
  known=$stat
  ${OS.processes.age}
  printf '%s\\n%s\\n%s\\n' "$pid" "$age" "$known"
}
for each; do inspect "$each"; done
`;

/** What is known of the processes that exist among `pids`. */
export async function inspectProcesses(pids: readonly number[]): Promise<Map<number, Inspected>> {
  if (pids.length === 0) return new Map();
  const lines = (await shellOutput(INSPECT_SCRIPT, pids.map(String))).trimEnd().split("\n");
  const found = new Map<number, Inspected>();
  for (let i = 0; i + 2 < lines.length; i += 3) {
    const startTime = OS.processes.parseStartTime(lines[i + 2]!);
    const ageMs = Math.max(0, Number(lines[i + 1]) * 1000) || 0;
    if (startTime !== undefined) found.set(Number(lines[i]), { startTime, ageMs });
  }
  return found;
}

/** The start times of the processes that exist among `pids`. */
export async function startTimes(pids: readonly number[]): Promise<Map<number, string>> {
  const found = await inspectProcesses(pids);
  return new Map(Array.from(found, ([pid, { startTime }]) => [pid, startTime]));
}

/** All processes, and which of them have certain texts in their environment. */
interface ProcessTable {
  readonly processes: readonly SeenProcess[];
  /** The pids of those with each text; none where that cannot be seen. */
  readonly holding: readonly ReadonlySet<number>[];
}

/** Stands before each list of pids in the output of the script. */
const HOLDING = "\nholding:\n";

// The processes may have anything in their names: what follows them is found from the end.
const LIST_SCRIPT = `
${OS.processes.all}
for text; do
  printf '${HOLDING.replaceAll("\n", "\\n")}'
  set -- "$text"
  ${OS.processes.holding || ":"}
done
:`;

/** Looks at all processes, and for these texts in their environments. */
export async function listProcesses(texts: readonly string[]): Promise<ProcessTable> {
  const parts = (await shellOutput(LIST_SCRIPT, texts)).split(HOLDING);
  const lists = parts.splice(parts.length - texts.length);
  const processes = OS.processes.parseAll(parts.join(HOLDING));
  // This one lives, too: where nothing is found, nothing can be seen.
  if (processes.length === 0) throw new Error("Cannot see which processes there are");
  return { processes, holding: lists.map(pidsIn) };
}

/**
 * The processes that hold an end of the pipes from which `readers` read; none where that cannot be
 * seen.
 */
export async function pipeHolders(readers: readonly number[]): Promise<ReadonlySet<number>> {
  if (readers.length === 0 || OS.processes.pipeHolders === "") return new Set();
  return pidsIn(await shellOutput(OS.processes.pipeHolders, readers.map(String)));
}

/** The pids in paths under /proc. */
export function pidsIn(paths: string): ReadonlySet<number> {
  return new Set(Array.from(paths.matchAll(/\/(\d+)\//g), ([, pid]) => Number(pid)));
}

/** The folders in which processes work. Throws when that cannot be seen. */
export async function foldersInUse(): Promise<Set<string>> {
  const folders = (await shellOutput(OS.processes.workingFolders)).split("\n").filter((
    path,
  ) => path !== "");
  // This one works somewhere, too: where nothing is found, nothing can be seen.
  if (folders.length === 0) throw new Error("Cannot see in which folders processes work");
  return new Set(folders);
}

/** Sends `signal` to these processes, of which some may have ended. A negative one is a group. */
export async function signalProcesses(
  pids: readonly number[],
  signal: StopSignal,
): Promise<void> {
  if (pids.length === 0) return;
  const script = 'signal=$1; shift; for pid; do kill -s "$signal" -- "$pid"; done 2>/dev/null; :';
  await shellOutput(script, [signal.slice(3), ...pids.map(String)]);
}

/**
 * Sends `signal` to the process group that `process` leads, if it still is that process.
 *
 * @returns whether it was.
 */
export async function signalGroup(
  process: ProcessIdentity,
  signal: StopSignal,
  host: Pick<Host, "bootId">,
): Promise<boolean> {
  if (process.bootId !== host.bootId) return false;
  // A process that ends in between leaves its pid unused for far longer than this takes.
  if ((await startTimes([process.pid])).get(process.pid) !== process.startTime) return false;
  await signalProcesses([-process.pid], signal);
  return true;
}

/** What a shell prints that runs `script` with these arguments. */
export async function shellOutput(script: string, args: readonly string[] = []): Promise<string> {
  return new TextDecoder().decode(await shellBytes(script, args));
}

async function shellBytes(script: string, args: readonly string[] = []): Promise<Uint8Array> {
  const { success, stdout } = await new Deno.Command("sh", {
    args: ["-c", script, "sh", ...args],
    clearEnv: true,
    env: shellEnvironment(),
    stdin: "null",
    stderr: "null",
  }).output();
  // What it did not print then proves nothing.
  if (!success) throw new Error('"sh" was killed before it answered');
  return stdout;
}

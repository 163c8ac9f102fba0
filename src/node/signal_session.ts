/**
 * Signals everything that a child in a session of its own has started.
 *
 * @module
 */
import { membersOf } from "../executors/process/members.ts";
import type { StopSignal } from "../os/process_identity.ts";
import { listProcesses, signalProcesses } from "../os/processes.ts";

/** Signals a child that has not been waited for, and all that it has started. */
export async function signalSession(pid: number, signal: StopSignal): Promise<void> {
  const { processes } = await listProcesses([]);
  const child = processes.find((process) => process.pid === pid);
  if (child === undefined) return;
  const started = membersOf(child, {
    processes,
    marked: new Set(),
    supervising: new Set(),
    holding: new Set(),
  });
  await signalProcesses([pid, ...started], signal);
}

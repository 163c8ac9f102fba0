/**
 * What processes use of the machine, as far as it can be seen.
 *
 * @module
 */
import { OS } from "./current.ts";
import { pidsIn, shellOutput } from "./processes.ts";

/** What a process uses. What cannot be seen is left out. */
export interface ProcessUsage {
  /** Its resident memory. */
  readonly memoryBytes?: number;
  /** Its peak resident memory. */
  readonly peakBytes?: number;
  /** The bytes that it, and what it has waited for, have read from storage. */
  readonly readBytes?: number;
  /** The bytes that they have written to storage. */
  readonly writtenBytes?: number;
}

const KIBIBYTE = 1024;

/**
 * What the processes among `pids` use that exist, and which of them have a text in their environment.
 * Takes one shell, and two grep(1).
 */
export async function inspectUsage(
  pids: readonly number[],
  text: string,
): Promise<{ usage: ReadonlyMap<number, ProcessUsage>; holding: ReadonlySet<number> }> {
  const usage = new Map<number, ProcessUsage>();
  if (pids.length === 0 || OS.processes.usage === "") return { usage, holding: new Set() };
  const output = await shellOutput(OS.processes.usage, [text, ...pids.map(String)]);
  const lines = output.matchAll(
    /^\/proc\/(\d+)\/\w+:(VmHWM|VmRSS|read_bytes|write_bytes):\s+(\d+)/gm,
  );
  for (const [, pid, name, amount] of lines) {
    const known = usage.get(Number(pid)) ?? {};
    usage.set(Number(pid), { ...known, ...named(name!, Number(amount)) });
  }
  return { usage, holding: pidsIn(output.slice(0, output.indexOf("\n\n") + 1)) };
}

function named(name: string, amount: number): ProcessUsage {
  switch (name) {
    case "VmRSS":
      return { memoryBytes: amount * KIBIBYTE };
    case "VmHWM":
      return { peakBytes: amount * KIBIBYTE };
    case "read_bytes":
      return { readBytes: amount };
    default:
      return { writtenBytes: amount };
  }
}

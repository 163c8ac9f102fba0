/**
 * Which processes belong to a workload.
 *
 * @module
 */
import type { SeenProcess } from "../../os/operating_system.ts";

/** A view of the machine's processes. */
interface Sight {
  readonly processes: readonly SeenProcess[];
  /** Those with the workload's mark in their environment; none where that cannot be seen. */
  readonly marked: ReadonlySet<number>;
  /** Those with the mark of its supervisor: the supervisor and its pumps. */
  readonly supervising: ReadonlySet<number>;
  /** Those that hold an end of the pipes from which its pumps read. */
  readonly holding: ReadonlySet<number>;
}

/**
 * The processes of a workload: those with its mark, those of the session and group of its supervisor,
 * those that can still print for it, and whatever these have started, wherever that went. Its
 * supervisor and pumps are none of them, and neither is what was there before it.
 */
export function membersOf(
  supervisor: { readonly pid: number; readonly startTime: string },
  { processes, marked, supervising, holding }: Sight,
): number[] {
  // Another process may have the pid by now: its group and session are not the workload's.
  const lives = processes.some(({ pid, startTime }) =>
    pid === supervisor.pid && startTime === supervisor.startTime
  );
  const belongs = ({ pid, group, session, startTime }: SeenProcess) =>
    marked.has(pid) || lives && (group === supervisor.pid || session === supervisor.pid) ||
    holding.has(pid) && Number(startTime) >= Number(supervisor.startTime);
  const found = new Set(processes.filter(belongs).map(({ pid }) => pid));
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const { pid, parent } of processes) if (found.has(parent)) found.add(pid);
  }
  return [...found].filter((pid) => pid !== supervisor.pid && !supervising.has(pid));
}

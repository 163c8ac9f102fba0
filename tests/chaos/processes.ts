/** The processes that a node started: of workloads, and those that supervise them. */

/** A process as /proc shows it. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  /** Its command line, cut off. */
  readonly command: string;
}

/**
 * The processes that have `mark` in their environment, all that they started, and the sessions of
 * these: but not the process `node`, nor its session.
 */
export async function processesWith(mark: string, node: number): Promise<ProcessEntry[]> {
  const all = new Map<number, ProcessEntry>();
  const found = new Set<number>();
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const entry = await read(name);
      if (entry === undefined) continue;
      all.set(entry.pid, entry);
      const environment = await Deno.readTextFile(`/proc/${name}/environ`);
      if (environment.split("\0").includes(mark)) found.add(entry.pid);
    } catch {
      // It has ended meanwhile.
    }
  }
  const nodeSession = all.get(node)?.session;
  for (let before = -1; before !== found.size;) {
    before = found.size;
    const sessions = new Set([...found].map((pid) => all.get(pid)!.session));
    if (nodeSession !== undefined) sessions.delete(nodeSession);
    for (const { pid, parent, session } of all.values()) {
      if (found.has(parent) || parent === node || sessions.has(session)) found.add(pid);
    }
  }
  found.delete(node);
  return [...found].map((pid) => all.get(pid)!);
}

async function read(pid: string): Promise<ProcessEntry | undefined> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  // The name before these may hold anything.
  const [state, parent, , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (state === "Z" || state === "X") return undefined;
  const words = (await Deno.readTextFile(`/proc/${pid}/cmdline`)).split("\0");
  return {
    pid: Number(pid),
    parent: Number(parent),
    session: Number(session),
    command: words.join(" ").replaceAll(/\s+/g, " ").slice(0, 100),
  };
}

/** Kills one, and returns whether it was still there. */
export function killProcess({ pid }: ProcessEntry): boolean {
  try {
    Deno.kill(pid, "SIGKILL");
    return true;
  } catch {
    return false;
  }
}

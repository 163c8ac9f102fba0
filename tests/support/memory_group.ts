/** A control group in which memory is short, where the user of the tests may make one. */

/** The two versions of control groups: where they are, and what their files are called. */
const VERSIONS = [
  { root: "/sys/fs/cgroup", limit: "memory.max", counter: "memory.events" },
  { root: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes", counter: "memory.oom_control" },
] as const;

/** A control group whose processes the kernel kills when they take too much memory. */
export class MemoryGroup implements Disposable {
  readonly #folder: string;
  /** The file that moves a process into the group whose pid is written to it. */
  readonly processes: string;
  /** The file in which the kernel counts what it kills in the group. */
  readonly counter: string;

  private constructor(folder: string, counter: string) {
    this.#folder = folder;
    this.processes = `${folder}/cgroup.procs`;
    this.counter = `${folder}/${counter}`;
  }

  /** Makes a group for so many bytes; `undefined`: that cannot be done here. */
  static make(bytes: number): MemoryGroup | undefined {
    for (const { root, limit, counter } of VERSIONS) {
      const group = new MemoryGroup(`${root}/cloud_node_test_${crypto.randomUUID()}`, counter);
      try {
        Deno.mkdirSync(group.#folder);
      } catch {
        continue;
      }
      try {
        Deno.writeTextFileSync(`${group.#folder}/${limit}`, `${bytes}`, { create: false });
        return group;
      } catch {
        group[Symbol.dispose]();
      }
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder);
  }
}

/** Whether such a group can be made here. */
export function hasMemoryGroups(): boolean {
  using group = MemoryGroup.make(1024 ** 3);
  return group !== undefined;
}

/** A disk of its own that can be filled up and emptied. */

const SIZE_MIB = 512;

/** A tmpfs at a folder. Only root may mount one. */
export class SmallDisk implements AsyncDisposable {
  private constructor(readonly folder: string) {}

  /** Mounts one at `folder`, or returns `undefined` where that is not permitted. */
  static async mount(folder: string): Promise<SmallDisk | undefined> {
    await Deno.mkdir(folder, { recursive: true });
    const options = `size=${SIZE_MIB}m,mode=700`;
    const mounted = await succeeds("mount", "-t", "tmpfs", "-o", options, "tmpfs", folder);
    return mounted ? new SmallDisk(folder) : undefined;
  }

  /** Leaves no space. */
  async fill(): Promise<void> {
    const chunk = new Uint8Array(1 << 20);
    using file = await Deno.open(this.#filler, { write: true, create: true, append: true });
    for (let size = chunk.length; size > 0;) {
      try {
        await file.write(chunk.subarray(0, size));
      } catch {
        size >>= 1;
      }
    }
  }

  /** Gives the space back. */
  async empty(): Promise<void> {
    await Deno.remove(this.#filler);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Lazily: a workload that was left may still have a file open.
    await succeeds("umount", "-l", this.folder);
  }

  get #filler(): string {
    return `${this.folder}/filler`;
  }
}

async function succeeds(command: string, ...args: string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(command, { args, stdout: "null", stderr: "null" })
      .output();
    return success;
  } catch {
    return false;
  }
}

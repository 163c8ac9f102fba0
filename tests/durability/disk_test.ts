import { assertEquals } from "@std/assert";
import { Gate } from "../support/stage.ts";
import { NodeProcess } from "../support/node_process.ts";
import { World } from "../support/world.ts";

/** A file system of its own, small enough to fill. */
class SmallDisk implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async mount(megabytes: number): Promise<SmallDisk> {
    const path = await Deno.makeTempDir({ prefix: "small_disk_" });
    const args = ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", path];
    const { success } = await new Deno.Command("mount", { args }).output();
    if (!success) throw new Error("Cannot mount a tmpfs");
    return new SmallDisk(path);
  }

  /** Fills all but `bytes` of it. */
  fill(): void {
    using file = Deno.openSync(`${this.path}/ballast`, { create: true, append: true });
    try {
      for (;;) file.writeSync(new Uint8Array(64 * 1024));
    } catch {
      // It is full.
    }
  }

  /** Gives the space back. */
  free(): void {
    Deno.removeSync(`${this.path}/ballast`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Deno.Command("umount", { args: ["-l", this.path] }).output();
    await Deno.remove(this.path);
  }
}

const canMount = Deno.build.os === "linux" && Deno.uid() === 0;
if (!canMount) console.log("Skipping the test of a full disk: only root may mount a small one");

Deno.test({
  name: "while the disk is full commands stay with the broker, and what runs goes on",
  ignore: !canMount,
  async fn() {
    await using disk = await SmallDisk.mount(64);
    await using world = await World.start();
    const gate = await Gate.in(world.folder);
    await using node = await NodeProcess.start(world, {
      stateFolder: `${disk.path}/state`,
      yaml: { inference: gate.template, training: "echo trained" },
    });
    const [identity] = world.backend.instances.values();
    await using sender = await world.sender(identity);
    await sender.send({ command: "inference", request_id: "r1" });
    await node.logged("at the gate");
    disk.fill();

    await sender.send({ command: "training", request_id: "t1" });
    await node.logged("disk is full");

    await gate.open("nothing");
    await node.logged("Cannot store the end of inference r1");
    disk.free();
    assertEquals((await sender.reply("r1")).output, "at the gate\nlet through with nothing\n");
    assertEquals((await sender.reply("t1")).output, "trained\n");
  },
});

import { assert, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { Buffer } from "node:buffer";
import { inTime } from "../support/events.ts";
import { Stage } from "../support/stage.ts";

const MiB = 2 ** 20;

/** Leaves checkpoints of one name in three folders: large ones with holes, which take no space. */
const TRAINING = `
      cd "$CYBERWAVE_RESULTS_FOLDER"
      for run in 1 2 3; do
        mkdir run$run && echo run $run >run$run/ckpt.pt && truncate -s $((run * 40))M run$run/ckpt.pt
      done`;

/** The SHA-256 of the checkpoint of a run. */
function checksumOf(run: number): string {
  const rest = Buffer.alloc(MiB);
  const hash = createHash("sha256").update(`run ${run}\n`.padEnd(MiB, "\0"));
  for (let i = 1; i < run * 40; i++) hash.update(rest);
  return hash.digest("hex");
}

/** The most memory a process has had, in MiB. */
async function peakOf(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)![1]) / 1024;
}

Deno.test({
  name: "while a slow storage takes large results, other workloads run, and all of it arrives",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using stage = await Stage.set(`
  training: |${TRAINING}
  inference: echo {body} | tee "$CYBERWAVE_RESULTS_FOLDER/ckpt.pt"
`);
    const { world } = stage;
    const { backend } = world;
    await world.answerOverMqtt();
    await using node = await stage.startNode();
    const request = (command_type: string, command_params = {}) => {
      const fields = { profile_slug: "default", command_type, command_params };
      return backend.requestWorkload(fields).json().then(({ uuid }) =>
        backend.workloads.get(uuid)!
      );
    };

    const slow = await request("training");
    const [begun, others] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    backend.slowStorage((workload) => {
      if (workload !== slow.uuid) return Promise.resolve();
      begun.resolve();
      return others.promise;
    });
    await inTime(begun.promise, "the first bytes");
    const before = await peakOf(node.pid);
    for (const x of [1, 2, 3]) {
      const { uuid } = await request("inference", { x });
      await node.awaitLine(new RegExp(`Uploaded the results of workload "${uuid}"`));
      const { results } = backend.workloads.get(uuid)!;
      assertEquals(results.map(({ filename }) => filename), ["ckpt.pt"]);
    }
    assertEquals([slow.status, slow.results], ["finalizing", []]);

    others.resolve();
    await node.awaitLine(new RegExp(`Uploaded the results of workload "${slow.uuid}"`));
    const stored = slow.results.map(({ filename, size, sha256 }) => [filename, size, sha256]);
    assertEquals(
      stored.sort(),
      [1, 2, 3].map((run) => [`run${run}/ckpt.pt`, run * 40 * MiB, checksumOf(run)]),
    );
    const more = await peakOf(node.pid) - before;
    assert(more < 64, `${more} MiB more for 240 MiB of results`);
    await node.end("SIGTERM");
  },
});

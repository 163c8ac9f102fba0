import { assertEquals } from "@std/assert";
import { startTimes } from "../../src/os/processes.ts";
import type { EmbeddedBroker } from "../../src/dev/embedded_broker.ts";
import { HOST } from "../support/executors.ts";
import { becomes } from "../support/followed.ts";
import { NodeProcess } from "../support/node_process.ts";
import { OLD_STATE, restoreOldState } from "../support/old_state.ts";
import { Gate } from "../support/stage.ts";
import { World } from "../support/world.ts";

const { uuid, slug, ids, workloadUuid } = OLD_STATE;

/** What the platform knows of the node and of its workload. */
function remember({ backend }: World<EmbeddedBroker>): void {
  backend.instances.set(uuid, {
    uuid,
    slug,
    profileSlug: "default",
    provider: "self-hosted",
    visibility: "private",
    environmentUuid: null,
    workspaceSlug: null,
    status: "registered",
  });
  const workload = {
    ...backend.createWorkload(uuid, { commandType: "training" }),
    uuid: workloadUuid,
  };
  backend.workloads.set(workloadUuid, { ...workload, status: "finalizing" });
}

/** A command as version 0.1.0 left it running: its shell writes how it ended into its folder. */
function leftRunning(folder: string, gate: Gate): { pid: number } & AsyncDisposable {
  const script = `${gate.template} >>"$1/stdout.log"; printf '7\\n' >"$1/exit"`;
  const child = new Deno.Command("bash", {
    args: ["-c", script, "bash", `${folder}/state/workloads/${ids["i-running"]}`],
    cwd: folder,
    detached: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  return {
    pid: child.pid,
    [Symbol.asyncDispose]: async () => {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await child.status;
    },
  };
}

Deno.test("the state folder of version 0.1.0 is taken up with its running, queued and undelivered work", async () => {
  await using world = await World.start();
  await world.answerOverMqtt();
  remember(world);
  const { folder } = world;
  const gate = await Gate.in(folder);
  await using running = leftRunning(folder, gate);
  const startTime = (await startTimes([running.pid])).get(running.pid)!;
  restoreOldState(folder, { pid: running.pid, startTime, bootId: HOST.bootId });
  await using sender = await world.sender({ uuid, slug });

  await using node = await NodeProcess.start(world, {
    yaml: { inference: 'echo "ran $CYBERWAVE_REQUEST_ID" | tee -a ran', training: "false" },
  });

  assertEquals((await sender.reply("t-undelivered")).status, "ok");
  await becomes(world, world.backend.workloads.get(workloadUuid)!, "completed");
  const [result] = world.backend.workloads.get(workloadUuid)!.results;
  assertEquals(result.filename.endsWith("model.bin"), true, result.filename);

  await node.logged(`inference i-running still runs as process ${running.pid}`);
  await sender.send({ command: "inference", request_id: "i-running" });
  await node.logged("inference i-running was sent again while it is running");
  await gate.open("upgrade");
  assertEquals((await sender.reply("i-running")).error, "Command failed with code 7");

  assertEquals((await sender.reply("i-queued")).output, "ran i-queued\n");
  assertEquals((await sender.reply(null)).output, "ran \n");
  assertEquals(await Deno.readTextFile(`${folder}/ran`), "ran i-queued\nran \n");

  assertEquals((await sender.ask({ command: "training", request_id: "t-ok" })).status, "ok");
  await node.logged("training t-ok was sent before, and is not run again");
});

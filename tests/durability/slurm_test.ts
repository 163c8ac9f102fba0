/** Commands that run as Slurm jobs, at a node that is killed meanwhile. */
import { assertEquals, assertMatch } from "@std/assert";
import { clusterScene } from "../support/cluster_scene.ts";
import { becomes, statusNames } from "../support/followed.ts";
import { slurmAvailable, SlurmCluster } from "../support/slurm.ts";
import type { Gate } from "../support/stage.ts";

/** A node of a Slurm cluster. */
async function scene(training: (gate: Gate) => unknown) {
  const stack = new AsyncDisposableStack();
  const cluster = stack.use(await SlurmCluster.start());
  const node = stack.use(
    await clusterScene({
      training,
      async settings(world) {
        await world.answerOverMqtt();
        const folder = `${world.folder}/results`;
        await Deno.mkdir(folder);
        return { results_folder: folder };
      },
      env: { SLURM_CONF: cluster.conf },
    }),
  );
  return { ...node, cluster, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !slurmAvailable(), fn });
}

/** Says how far it is, waits, leaves a result. */
const REPORTS = (gate: Gate) => `
  echo '{"progress":1,"total":2}' >>"$CYBERWAVE_PROGRESS_FILE"
  ${gate.template}
  echo result >"$CYBERWAVE_RESULTS_FOLDER/result.txt"
  exit "\${word#*-}"`;

for (const how of ["SIGKILL", "SIGTERM"] as const) {
  test(`a Slurm job goes on after the node's ${how}, and the next node answers for it`, async () => {
    await using test = await scene((gate) => ({ slurm: { command: REPORTS(gate) } }));
    const { world, sender, identity } = test;
    const progress = await sender.client.collect(
      `cyberwave/cloud-node/${identity.uuid}/progress`,
    );
    const workload = world.backend.createWorkload(identity.uuid);
    const params = { workload_uuid: workload.uuid };
    await sender.send({ command: "training", request_id: "r1", params });
    await test.node.logged("is Slurm job 1");
    await test.node.logged("at the gate");
    assertEquals(JSON.parse((await progress.next()).text).progress, 1);
    await test.node.kill(how);
    await sender.send({ command: "training", request_id: "r1", params });
    await test.next();
    await test.gate.open("ok-0");
    const reply = await sender.reply("r1");
    assertEquals([reply.status, reply.output], ["ok", "at the gate\nlet through with ok-0\n"]);
    await becomes(world, workload, "completed");
    assertEquals(statusNames(workload), ["running", "finalizing", "completed"]);
    assertEquals(workload.results.map(({ size }) => size), ["result\n".length]);
    assertEquals(await test.cluster.jobs("%i %T"), ["1 COMPLETED"]);
  });
}

test("a Slurm job that ended while no node ran is answered with its true exit code", async () => {
  await using test = await scene((gate) => ({ slurm: { command: REPORTS(gate) } }));
  await test.sender.send({ command: "training", request_id: "r1" });
  await test.node.logged("at the gate");
  await test.node.kill();
  await test.gate.open("fails-3");
  await test.next();
  const reply = await test.sender.reply("r1");
  assertEquals([reply.status, reply.error], ["error", "Command failed with code 3"]);
});

test("a Slurm job that begins after the node was killed is reported to run then", async () => {
  await using test = await scene((gate) => ({ slurm: { command: REPORTS(gate) } }));
  const { world, cluster, sender, identity } = test;
  const setNode = (...values: string[]) =>
    cluster.call("scontrol", "update", "NodeName=localhost", ...values);
  await setNode("State=DRAIN", "Reason=test");
  const workload = world.backend.createWorkload(identity.uuid);
  const params = { workload_uuid: workload.uuid };
  await sender.send({ command: "training", request_id: "r1", params });
  await test.node.logged("is Slurm job 1");
  await test.node.kill();
  const next = await test.next();
  await next.logged("training r1 still runs");
  assertEquals(statusNames(workload), []);
  await setNode("State=RESUME");
  await next.logged("training r1 started");
  await becomes(world, workload, "running");
  await test.gate.open("ok-0");
  assertEquals((await sender.reply("r1")).status, "ok");
});

/** The recipe that needs no executor: a process that waits for a step of Slurm. */
const SRUN = ({ path }: Gate) =>
  `srun --ntasks=1 sh -c 'echo "$1 on $SLURM_JOB_NAME"; read -r word <"$2"; exit "$word"' sh {param:x} ${path}`;

test("srun is a template like any other: output, exit code, and a node that is killed", async () => {
  await using test = await scene(SRUN);
  const params = { x: "it's $(HOSTNAME)" };
  await test.sender.send({ command: "training", request_id: "r1", params });
  await test.node.logged("it's $(HOSTNAME) on sh");
  await test.node.kill();
  await test.next();
  await test.gate.open("3");
  const { error } = await test.sender.reply("r1");
  assertEquals(error, "srun: error: localhost: task 0: Exited with exit code 3\n");
});

test("srun that is cancelled ends its step", async () => {
  await using test = await scene(SRUN);
  const { sender, cluster } = test;
  await sender.send({ command: "training", request_id: "r1", params: { x: "step" } });
  await test.node.logged("step on sh");
  const cancel = { workload_request_id: "r1" };
  await sender.ask({ command: "cancel", request_id: "c1", params: cancel });
  assertMatch((await sender.reply("r1")).error!, /^Command was cancelled by SIGTERM/);
  await cluster.until(
    "the step has ended",
    async () => !(await cluster.jobs("%T")).includes("RUNNING"),
  );
});

import { assertEquals, assertStringIncludes } from "@std/assert";
import type { EmulatedWorkload } from "../../src/dev/rest_front_end.ts";
import { becomes, statusNames } from "../support/followed.ts";
import { NodeProcess } from "../support/node_process.ts";
import { Gate } from "../support/stage.ts";
import { isAlive } from "../support/executors.ts";
import { type Sender, World } from "../support/world.ts";

type EmbeddedWorld = Awaited<ReturnType<typeof World.start>>;

/** A node in a process of its own, which runs a workload that the platform follows. */
class Scene implements AsyncDisposable {
  readonly #resources: AsyncDisposableStack;

  private constructor(
    readonly world: EmbeddedWorld,
    readonly gate: Gate,
    readonly node: NodeProcess,
    readonly workload: EmulatedWorkload,
    readonly sender: Sender,
    readonly yaml: Record<string, unknown>,
    resources: AsyncDisposableStack,
  ) {
    this.#resources = resources;
  }

  /** Begins the workload: what `template` makes of a gate. */
  static async begin(
    template = (gate: Gate) => gate.template,
    settings: Record<string, unknown> = {},
  ): Promise<Scene> {
    await using resources = new AsyncDisposableStack();
    const world = resources.use(await World.start());
    await world.answerOverMqtt();
    await Deno.mkdir(`${world.folder}/results`);
    const gate = await Gate.in(world.folder);
    const yaml = {
      inference: template(gate),
      results_folder: `${world.folder}/results`,
      ...settings,
    };
    const node = resources.use(await NodeProcess.start(world, { yaml }));
    const [identity] = world.backend.instances.values();
    const sender = resources.use(await world.sender(identity));
    const workload = world.backend.createWorkload(identity.uuid);
    const scene = [world, gate, node, workload, sender, yaml] as const;
    const params = { workload_uuid: workload.uuid, cyberwave_workload_token: "wt-scene" };
    await sender.send({ command: "inference", request_id: "r1", params });
    await becomes(world, workload, "running");
    return new Scene(...scene, resources.move());
  }

  /** The process that runs the workload. */
  get pid(): number {
    return this.workload.statuses[0].pid as number;
  }

  /** Starts the next node. */
  async next(): Promise<NodeProcess> {
    return this.#resources.use(await NodeProcess.start(this.world, { yaml: this.yaml }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      Deno.kill(-this.pid, "SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#resources.disposeAsync();
  }
}

const LEAVES_RESULTS = ({ template }: Gate) =>
  `${template}; for i in 1 2 3 4 5 6 7 8; do echo $i >"$CYBERWAVE_RESULTS_FOLDER/$i"; done`;

Deno.test("a workload goes on after the node's SIGKILL, and the next node tells its end", async () => {
  await using scene = await Scene.begin(LEAVES_RESULTS);
  await scene.node.kill("SIGKILL");
  await scene.next();
  await scene.gate.open("you");
  await becomes(scene.world, scene.workload, "completed");
  assertEquals(statusNames(scene.workload), ["running", "finalizing", "completed"]);
  assertEquals(scene.workload.results.length, 8);
});

Deno.test("so it does when the workload ends while there is no node", async () => {
  await using scene = await Scene.begin((gate) => `${gate.template}; echo oops >&2; exit 3`);
  await scene.node.kill("SIGKILL");
  await scene.gate.open("you");
  while (await isAlive(scene.pid)) { /* It ends right now. */ }
  await scene.next();
  await becomes(scene.world, scene.workload, "completed");
  assertEquals(statusNames(scene.workload), ["running", "completed"]);
  const { success, exit_code, stderr } = scene.workload.statuses.at(-1)!;
  assertEquals([success, exit_code, stderr], [false, 3, "oops\n"]);
});

Deno.test("what ends while there is no node has its results uploaded once, and its end told once", async () => {
  await using scene = await Scene.begin(LEAVES_RESULTS);
  await scene.node.kill("SIGKILL");
  await scene.gate.open("you");
  while (await isAlive(scene.pid)) { /* It ends right now. */ }
  const next = await scene.next();
  await becomes(scene.world, scene.workload, "completed");
  await next.kill("SIGTERM");
  assertEquals(statusNames(scene.workload), ["running", "finalizing", "completed"]);
  // The first may come twice: the node was killed right after it was told.
  const ends = scene.workload.statuses.filter(({ status }) => status === "completed");
  assertEquals([ends.length, scene.workload.results.length], [1, 8]);
  const uploads = next.log.all.filter((line) => line.includes("Uploaded the results"));
  assertEquals(uploads.length, 1);
});

Deno.test("an upload goes on after the node's SIGKILL, and ends once", async () => {
  await using scene = await Scene.begin(LEAVES_RESULTS);
  const { backend } = scene.world;
  const [fourthPut, never] = [Promise.withResolvers<void>(), Promise.withResolvers<Response>()];
  let puts = 0;
  const isPut = ({ method }: { method: string }) => method === "PUT" && ++puts > 4;
  backend.answerNext(isPut, () => {
    fourthPut.resolve();
    return never.promise;
  }, 4);
  await scene.gate.open("you");
  await fourthPut.promise;
  await scene.node.kill("SIGKILL");
  never.resolve(new Response(null, { status: 503 }));
  assertEquals(scene.workload.results, []);
  await scene.next();
  await becomes(scene.world, scene.workload, "completed");
  assertEquals(statusNames(scene.workload), ["running", "finalizing", "completed"]);
  assertEquals(scene.workload.results.length, 8);
  assertEquals([...Deno.readDirSync(`${scene.world.folder}/results`)], []);
});

Deno.test("what was told is not told again by the next node", async () => {
  await using scene = await Scene.begin();
  await scene.gate.open("you");
  await becomes(scene.world, scene.workload, "completed");
  await scene.node.kill("SIGTERM");
  const next = await scene.next();
  await next.kill("SIGTERM");
  assertEquals(scene.workload.statuses.length, 2);
});

const GIVEN_UP: readonly [why: string, told: string, giveUp: (scene: Scene) => void][] = [
  ["has cancelled", "has it as cancelled", ({ workload }) => workload.status = "cancelled"],
  [
    "no longer knows",
    "no longer knows it",
    ({ world, workload }) => world.backend.workloads.delete(workload.uuid),
  ],
  [
    "has given to another node",
    "has given it to another node",
    ({ workload }) => workload.instanceUuid = crypto.randomUUID(),
  ],
];

for (const [why, told, giveUp] of GIVEN_UP) {
  Deno.test(`a workload that the platform ${why} meanwhile is stopped after a restart, and told of no more`, async () => {
    await using scene = await Scene.begin((gate) => `trap '' TERM; ${gate.template}`, {
      cancel_grace: 0.2,
    });
    await scene.node.kill("SIGKILL");
    giveUp(scene);
    const next = await scene.next();
    await next.logged(
      `Stopping inference r1, which is from before this start: the platform ${told}`,
    );
    await next.logged("sending SIGKILL");
    const { error } = await scene.sender.reply("r1");
    assertStringIncludes(error!, "the platform no longer wants it");
    await next.kill("SIGTERM");
    assertEquals([statusNames(scene.workload), await isAlive(scene.pid)], [["running"], false]);
  });
}

Deno.test("a workload goes on when the platform cannot be asked about it", async () => {
  await using scene = await Scene.begin();
  await scene.node.kill("SIGKILL");
  const isQuestion = ({ method, path }: { method: string; path: string }) =>
    method === "GET" && path.endsWith(scene.workload.uuid);
  scene.world.backend.answerNext(isQuestion, () => new Response(null, { status: 503 }), 1_000);
  const next = await scene.next();
  await next.logged("Cannot ask the platform about inference r1");
  await scene.gate.open("you");
  await becomes(scene.world, scene.workload, "completed");
});

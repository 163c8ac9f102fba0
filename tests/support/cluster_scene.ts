/** A node whose trainings are jobs of a cluster, and those that come after it. */
import { assertEquals, assertMatch } from "@std/assert";
import type { EmbeddedBroker } from "../../src/dev/embedded_broker.ts";
import { NodeProcess } from "./node_process.ts";
import { Gate } from "./stage.ts";
import { World } from "./world.ts";

/** What a node of a cluster is started with. */
interface ClusterNode {
  /** The setting `training`, for jobs that wait at the gate. */
  training(gate: Gate, world: World<EmbeddedBroker>): unknown;
  /** More settings. Default: none. */
  settings?(world: World<EmbeddedBroker>): Promise<Record<string, unknown>>;
  /** Where the programs of the cluster find it. Default: nothing says so. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a node and a sender for it. `next` starts one that comes after it. */
export async function clusterScene({ training, settings, env }: ClusterNode) {
  const stack = new AsyncDisposableStack();
  const world = stack.use(await World.start());
  const gate = await Gate.in(world.folder);
  const yaml = { training: training(gate, world), ...await settings?.(world) };
  const options = { yaml, env: { PATH: Deno.env.get("PATH")!, ...env } };
  const next = async () => stack.use(await NodeProcess.start(world, options));
  const node = await next();
  const [identity] = world.backend.instances.values();
  const sender = stack.use(await world.sender(identity));
  const end = () => stack.disposeAsync();
  return { world, gate, identity, node, sender, next, [Symbol.asyncDispose]: end };
}

/**
 * Kills the node while a job runs, lets the next one answer for the job, and cancels another. Resolves
 * with what the first job printed.
 */
export async function outliveNode(
  { node, sender, gate, next }: Awaited<ReturnType<typeof clusterScene>>,
): Promise<string> {
  await sender.send({ command: "training", request_id: "r1" });
  await node.logged("at the gate");
  await node.kill();
  await sender.send({ command: "training", request_id: "r1" });
  const later = await next();
  await gate.open("ok");
  const { status, output } = await sender.reply("r1");
  assertEquals(status, "ok");
  await sender.send({ command: "training", request_id: "r2" });
  await later.logged("at the gate");
  const params = { workload_request_id: "r2" };
  await sender.ask({ command: "cancel", request_id: "c1", params });
  assertMatch((await sender.reply("r2")).error!, /^Command was cancelled by SIGTERM/);
  return output!;
}

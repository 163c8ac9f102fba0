/** Commands that run as Kubernetes Jobs, at a node that is killed meanwhile. */
import { assertEquals, assertMatch } from "@std/assert";
import { EmulatedKubernetes, kubectlAvailable } from "../support/kubernetes.ts";
import { NodeProcess } from "../support/node_process.ts";
import { Gate } from "../support/stage.ts";
import { World } from "../support/world.ts";

Deno.test({
  name: "a Kubernetes Job goes on after the node's SIGKILL, and the next node answers for it",
  ignore: !kubectlAvailable(),
  fn: async () => {
    await using stack = new AsyncDisposableStack();
    const cluster = stack.use(new EmulatedKubernetes());
    const world = stack.use(await World.start());
    const gate = await Gate.in(world.folder);
    const kubernetes = {
      image: "debian",
      command: `echo "$GIVEN $OF"; ${gate.template}`,
      volume_claim: "cloud-node",
      mount_path: world.folder,
    };
    const yaml = { training: { kubernetes }, env: { GIVEN: "by env, in" } };
    const env = { PATH: Deno.env.get("PATH")!, KUBECONFIG: cluster.kubeconfig, OF: "the node" };
    const next = async () => stack.use(await NodeProcess.start(world, { yaml, env }));
    const node = await next();
    const [identity] = world.backend.instances.values();
    const sender = stack.use(await world.sender(identity));
    await sender.send({ command: "training", request_id: "r1" });
    await node.logged("at the gate");
    await node.kill();
    await sender.send({ command: "training", request_id: "r1" });
    const later = await next();
    await gate.open("ok");
    const { status, output } = await sender.reply("r1");
    const all = "by env, in the image\nat the gate\nlet through with ok\n";
    assertEquals([status, output, cluster.created], ["ok", all, 1]);
    await sender.send({ command: "training", request_id: "r2" });
    await later.logged("at the gate");
    const params = { workload_request_id: "r2" };
    await sender.ask({ command: "cancel", request_id: "c1", params });
    assertMatch((await sender.reply("r2")).error!, /^Command was cancelled by SIGTERM/);
  },
});

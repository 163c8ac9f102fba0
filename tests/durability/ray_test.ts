/** Commands that run as Ray jobs, at a node that is killed meanwhile. */
import { assertEquals } from "@std/assert";
import { clusterScene, outliveNode } from "../support/cluster_scene.ts";
import { rayAvailable, RayCluster } from "../support/ray.ts";

Deno.test({
  name: "a Ray job goes on after the node's SIGKILL, the next node answers for it, and cancels one",
  ignore: !rayAvailable(),
  fn: async () => {
    await using cluster = await RayCluster.start();
    await using scene = await clusterScene({
      training: (gate) => ({ ray: { address: cluster.address, command: gate.template } }),
    });
    assertEquals(await outliveNode(scene), "at the gate\nlet through with ok\n");
    assertEquals((await cluster.jobs()).length, 2);
  },
});

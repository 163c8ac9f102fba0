/** Commands that run as Kubernetes Jobs, at a node that is killed meanwhile. */
import { assertEquals } from "@std/assert";
import { clusterScene, outliveNode } from "../support/cluster_scene.ts";
import { EmulatedKubernetes, kubectlAvailable } from "../support/kubernetes.ts";

Deno.test({
  name: "a Kubernetes Job goes on after the node's SIGKILL, and the next node answers for it",
  ignore: !kubectlAvailable(),
  fn: async () => {
    await using cluster = new EmulatedKubernetes();
    await using scene = await clusterScene({
      training: (gate, world) => ({
        kubernetes: {
          image: "debian",
          command: `echo "$GIVEN $OF"; ${gate.template}`,
          volume_claim: "cloud-node",
          mount_path: world.folder,
        },
      }),
      settings: () => Promise.resolve({ env: { GIVEN: "by env, in" } }),
      env: { KUBECONFIG: cluster.kubeconfig, OF: "the node" },
    });
    const all = "by env, in the image\nat the gate\nlet through with ok\n";
    assertEquals(await outliveNode(scene), all);
    assertEquals(cluster.created, 2);
  },
});

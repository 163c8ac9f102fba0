import { assertEquals } from "@std/assert";
import { clusterProblems } from "../../../src/config/programs/cluster_problems.ts";

const training = {
  type: "kubernetes",
  image: "debian",
  command: "true",
  volumeClaim: "cloud-node",
  mountPath: "/data",
  namespace: "default",
  numGpus: 0,
  pod: {},
  pendingTimeout: 0,
} as const;

function problemsOf(stateFolder: string, workFolder: string): string[] {
  const settings = { inference: undefined, simulate: undefined, training, stateFolder, workFolder };
  return clusterProblems(settings).map(({ message }) => message);
}

Deno.test("pods share the folders of the node", () => {
  assertEquals(problemsOf("/data/state", "/data"), []);
  assertEquals(problemsOf("/root/.cyberwave", "/database"), [
    'training runs in pods, but state_folder, "/root/.cyberwave", is not in the volume at "/data"',
    'training runs in pods, but the folder of cyberwave.yml, "/database", is not in the volume at ' +
    '"/data"',
  ]);
});

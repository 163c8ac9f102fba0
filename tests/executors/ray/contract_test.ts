import { rayAvailable, RayCluster } from "../../support/ray.ts";
import { testExecutor } from "../contract.ts";
import { rayExecutor } from "./ray_executor.ts";

if (rayAvailable()) {
  const cluster = await RayCluster.start();
  Deno.test.afterAll(() => cluster[Symbol.asyncDispose]());
  testExecutor("ray", (bench) => rayExecutor(bench, cluster.address), { process: "elsewhere" });
}

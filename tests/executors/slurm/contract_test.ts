import { slurmAvailable, SlurmCluster } from "../../support/slurm.ts";
import { testExecutor } from "../contract.ts";
import { slurmExecutor } from "./slurm_executor.ts";

if (slurmAvailable()) {
  const cluster = await SlurmCluster.start();
  Deno.test.afterAll(() => cluster[Symbol.asyncDispose]());
  testExecutor("slurm", (bench) => slurmExecutor(bench, cluster), { process: "elsewhere" });
}

import { EmulatedKubernetes, kubectlAvailable } from "../../support/kubernetes.ts";
import { testExecutor } from "../contract.ts";
import { kubernetesExecutor } from "./kubernetes_executor.ts";

if (kubectlAvailable()) {
  const cluster = new EmulatedKubernetes();
  Deno.test.afterAll(() => cluster[Symbol.asyncDispose]());
  testExecutor("kubernetes", (bench) => kubernetesExecutor(bench, cluster), {
    process: "elsewhere",
  });
}

/** What is particular to Kubernetes: each test is a fact about it that a command must not suffer from. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname } from "node:path";
import { jobManifest } from "../../../src/executors/kubernetes/job_manifest.ts";
import { WorkloadFolder } from "../../../src/workloads/folder.ts";
import { Bench, fileWritten, type Started } from "../../support/executors.ts";
import { EmulatedKubernetes, kubectlAvailable } from "../../support/kubernetes.ts";
import { kubernetesExecutor } from "./kubernetes_executor.ts";

type Options = Parameters<typeof kubernetesExecutor>[2];

/** A bench with a stand-in for Kubernetes. */
class KubernetesBench extends Bench {
  constructor(readonly cluster: EmulatedKubernetes, options: Options) {
    super((bench) => kubernetesExecutor(bench, cluster, options));
  }

  /** Runs shell source as a command. */
  source(source: string, more: Parameters<Bench["start"]>[0] = {}): Started {
    return this.start({ kind: "source", params: JSON.stringify({ source }), ...more });
  }
}

function test(what: string, body: (bench: KubernetesBench) => Promise<void>, options?: Options) {
  Deno.test({
    name: `kubernetes: ${what}`,
    ignore: !kubectlAvailable(),
    fn: async () => {
      await using cluster = new EmulatedKubernetes();
      await using bench = new KubernetesBench(cluster, options);
      await body(bench);
    },
  });
}

test("no part of a Job holds params or tokens, and the command has both", async (bench) => {
  const env = { CYBERWAVE_API_KEY: "the-token-of-it" };
  const file = `${bench.workFolder}/seen`;
  const started = bench.source(`echo "$CYBERWAVE_API_KEY" >${file}; sleep 1000 # the-params`, {
    env,
  });
  assertEquals(await fileWritten(file), "the-token-of-it\n");
  const [[name, { manifest }]] = bench.cluster.jobs;
  assertEquals(name, `cn-c1-${started.execution.handle.attempt.slice(0, 8)}`);
  for (const text of ["the-token-of-it", "the-params"]) {
    assert(!JSON.stringify(manifest).includes(text));
  }
  for (const { name } of Deno.readDirSync(started.folder.path)) {
    assert(!Deno.readTextFileSync(`${started.folder.path}/${name}`).includes("the-token-of-it"));
  }
  started.execution.stop("SIGKILL");
  assertEquals(await started.execution.exit, { type: "killed", signal: "SIGKILL" });
});

test("a command has the environment of its image, and what is given for it", async (bench) => {
  const { exit, stdout } = await bench.ended(
    bench.source(`printf '%s|' "$OF" "$GIVEN" "$KUBERNETES_SERVICE_HOST"; pwd`),
  );
  assertEquals(exit, { type: "exited", code: 0 });
  assertEquals(stdout, `the image|by env|10.0.0.1|${bench.workFolder}\n`);
});

test("a Job whose creation was not answered is looked for before it is made again", async (bench) => {
  bench.cluster.losesAnswer = true;
  const { exit, stdout } = await bench.ended(bench.source("echo once"));
  assertEquals([exit, stdout], [{ type: "exited", code: 0 }, "once\n"]);
  assertEquals(bench.cluster.created, 1);
});

test("a Job that the API refuses is never run, and the answer says why", async (bench) => {
  const { exit } = await bench.ended(bench.source("true"));
  const why = "Error from server (NotFound): the server could not find the requested resource";
  assertEquals(exit, { type: "not_started", why });
}, { namespace: "elsewhere" });

test("a pod that waits is removed with its Job when the command is stopped", async (bench) => {
  bench.cluster.isFull = true;
  const started = bench.source("true");
  await bench.logger.logged("is Kubernetes job cn-c1-");
  started.execution.stop("SIGTERM");
  assertEquals((await started.execution.exit).type, "not_started");
  await bench.executor[Symbol.asyncDispose]();
});

test("a pod that waits for too long never runs, and the answer says so", async (bench) => {
  bench.cluster.isFull = true;
  assertEquals((await bench.ended(bench.source("true"))).exit, {
    type: "not_started",
    why: "Kubernetes did not start its job within 1 s",
  });
}, { pendingTimeout: 1 });

test("a command whose computer fails is lost", async (bench) => {
  const file = `${bench.workFolder}/began`;
  const started = bench.source(`echo now >${file}; sleep 1000`);
  await fileWritten(file);
  const [name] = [...bench.cluster.jobs.keys()];
  bench.cluster.failNode(name!);
  assertEquals(await started.execution.exit, {
    type: "lost",
    why: `Kubernetes ended job ${name}: Failed (BackoffLimitExceeded)`,
  });
});

const python = Deno.env.get("CLOUD_NODE_PYTHON");
const validator = python === undefined
  ? "kubernetes-validate"
  : `${dirname(python)}/kubernetes-validate`;

function canValidate(): boolean {
  try {
    return new Deno.Command(validator, { args: ["--help"], stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

Deno.test({
  name: "kubernetes: kubernetes-validate takes the manifest of every Job" +
    (canValidate() ? "" : " (skipped: there is no kubernetes-validate)"),
  ignore: !canValidate(),
  fn: async () => {
    const job = { attempt: crypto.randomUUID(), folder: new WorkloadFolder("/data/it's $(x)/c1") };
    const options = {
      image: "debian",
      namespace: "default",
      volumeClaim: "cloud-node",
      mountPath: "/data",
      numGpus: 0,
      pod: {},
      user: { uid: 1000, gid: 1000 },
      grace: 10,
    };
    const tolerations = [{ key: "gpu", operator: "Exists", effect: "NoSchedule" }];
    const more = { ...options, numGpus: 2, pod: { tolerations, nodeSelector: { gpu: "h100" } } };
    const path = Deno.makeTempFileSync({ suffix: ".yml" });
    const check = async (manifest: unknown) => {
      Deno.writeTextFileSync(path, JSON.stringify(manifest));
      const { code, stdout, stderr } = await new Deno.Command(validator, {
        args: ["--strict", path],
      }).output();
      return { code, said: new TextDecoder().decode(new Uint8Array([...stdout, ...stderr])) };
    };
    for (const given of [options, more]) {
      const { code, said } = await check(jobManifest(job, given));
      assertEquals(code, 0, said);
    }
    const wrong = await check(jobManifest(job, { ...options, pod: { nodeSelektor: {} } }));
    assert(wrong.code !== 0);
    assertStringIncludes(wrong.said, "nodeSelektor");
    Deno.removeSync(path);
  },
});

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { parse } from "@std/yaml";
import { dirname, join } from "node:path";
import manifest from "../../deno.json" with { type: "json" };
import { available } from "../support/available.ts";
import { linesOf } from "../support/lines.ts";
import { Inbox } from "../support/events.ts";
import { Program } from "../support/program.ts";
import { systemdAvailable, verifyUnit } from "../support/systemd.ts";

const BOTH = `cyberwave-cloud-node:
  pool: gpu
  environment: dev
  inference: echo {body}
  training: echo {body}
`;

/** A folder with a cyberwave.yml, in which the program prints. */
class Project implements AsyncDisposable {
  private constructor(readonly folder: string) {}

  static async with(yaml: string): Promise<Project> {
    const folder = await Deno.makeTempDir({ prefix: "cloud_node_print_" });
    await Deno.writeTextFile(`${folder}/cyberwave.yml`, yaml);
    return new Project(folder);
  }

  run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    return Program.run(["print", ...args], { cwd: this.folder });
  }

  /** What is printed, also as a file. */
  async print(file: string, ...args: string[]): Promise<{ path: string; text: string }> {
    const { code, stdout, stderr } = await this.run(...args);
    assertEquals([code, stderr], [0, ""]);
    const path = `${this.folder}/${file}`;
    await Deno.writeTextFile(path, stdout);
    return { path, text: stdout };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function check([program = "", ...args]: readonly string[], env?: Record<string, string>) {
  const { code, stdout, stderr } = await new Deno.Command(program, { args, env }).output();
  const said = new TextDecoder().decode(new Uint8Array([...stdout, ...stderr]));
  return { code, said };
}

// deno-lint-ignore no-explicit-any
const objectsIn = (text: string) => text.split("\n---\n").slice(1).map((one) => parse(one) as any);

const python = Deno.env.get("CLOUD_NODE_PYTHON");
const validate = await available(
  ["kubernetes-validate"],
  ...(python === undefined ? [] : [[join(dirname(python), "kubernetes-validate")]]),
);
const compose = await available(["docker-compose"], ["docker", "compose"]);

Deno.test("print kubernetes prints what the configuration serves", async () => {
  for (
    const [yaml, kinds] of [
      [BOTH, ["ScaledJob", "Deployment"]],
      ["cyberwave-cloud-node: {training: echo}", ["ScaledJob"]],
      ["cyberwave-cloud-node: {simulate: echo}", ["Deployment"]],
      ["cyberwave-cloud-node: {}", ["Deployment"]],
    ] as const
  ) {
    await using project = await Project.with(yaml);
    const { text } = await project.print("m.yml", "kubernetes");
    assertEquals(objectsIn(text).map(({ kind }) => kind), [...kinds]);
  }
});

Deno.test("a node in Kubernetes is drained before it ends, and a training never tried again", async () => {
  await using project = await Project.with(BOTH);
  const flags = ["--drain-within", "2h", "--gpus", "2", "--image", "registry.example/node:1"];
  const { text } = await project.print("m.yml", "kubernetes", ...flags);
  const [job, deployment] = objectsIn(text);
  const pods = [job.spec.jobTargetRef.template.spec, deployment.spec.template.spec];
  for (const pod of pods) {
    const [{ image, env, lifecycle, resources }] = pod.containers;
    assertEquals(pod.terminationGracePeriodSeconds, 2 * 60 * 60 + 15);
    assertMatch(lifecycle.preStop.exec.command.at(-1), /^kill -s QUIT 1;/);
    assertEquals(image, "registry.example/node:1");
    assertEquals(resources.limits["nvidia.com/gpu"], 2);
    const named = (name: string) => env.find((one: { name: string }) => one.name === name);
    assertEquals(named("CYBERWAVE_POOL").value, "gpu");
    assertEquals(named("CYBERWAVE_ENVIRONMENT").value, "dev");
    assert(named("CYBERWAVE_API_TOKEN").valueFrom.secretKeyRef);
  }
  assertEquals(job.spec.jobTargetRef.backoffLimit, 0);
  assertEquals(pods[0].restartPolicy, "Never");
  assertEquals(pods[0].containers[0].args, ["start", "--once", "--idle-timeout", "60"]);
});

Deno.test({
  name: "kubernetes-validate takes the manifests, the template of the ScaledJob too" +
    (validate === undefined ? " (skipped: there is no kubernetes-validate)" : ""),
  ignore: validate === undefined,
  async fn() {
    await using project = await Project.with(BOTH);
    for (const flags of [[], ["--daemon-set"], ["--gpus", "1"], ["--daemon-set", "--gpus", "8"]]) {
      const { path, text } = await project.print("m.yml", "kubernetes", ...flags);
      const { code, said } = await check([...validate!, "--strict", path]);
      assertEquals(code, 0, said);
      for (const { kind, spec } of objectsIn(text)) {
        if (kind !== "ScaledJob") continue;
        const job = { apiVersion: "batch/v1", kind: "Job", metadata: { name: "a" } };
        await Deno.writeTextFile(path, JSON.stringify({ ...job, spec: spec.jobTargetRef }));
        const checked = await check([...validate!, "--strict", path]);
        assertEquals(checked.code, 0, checked.said);
      }
    }
    const path = `${project.folder}/wrong.yml`;
    const wrong = await project.print("m.yml", "kubernetes", "--daemon-set");
    await Deno.writeTextFile(path, wrong.text.replace("nodeSelector", "nodeSelektor"));
    assert((await check([...validate!, "--strict", path])).code !== 0);
  },
});

Deno.test({
  name: "docker compose takes the compose file" +
    (compose === undefined ? " (skipped: there is no docker compose)" : ""),
  ignore: compose === undefined,
  async fn() {
    await using project = await Project.with(BOTH);
    const { path } = await project.print("compose.yml", "compose", "--gpus", "1");
    const config = [...compose!, "-f", path, "config"];
    const { code, said } = await check(config, { CYBERWAVE_API_TOKEN: "t" });
    assertEquals(code, 0, said);
    assertStringIncludes(said, `cyberwave-cloud-node:${manifest.version}`);
    assertStringIncludes((await check(config)).said, "CYBERWAVE_API_TOKEN");
  },
});

Deno.test("manifests use the image of the recipe: its folders, its user, its state", async () => {
  const recipe = await Deno.readTextFile(
    new URL("../../.github/container/Dockerfile", import.meta.url),
  );
  const [, state] = /^VOLUME \["(.+)"\]$/m.exec(recipe)!;
  await using project = await Project.with(BOTH);
  const [daemonSet] = objectsIn((await project.print("m.yml", "kubernetes", "--daemon-set")).text);
  const { containers: [{ volumeMounts }], securityContext } = daemonSet.spec.template.spec;
  assertEquals(volumeMounts[0].mountPath, state);
  assertStringIncludes(recipe, `USER ${securityContext.runAsUser}\n`);
  // deno-lint-ignore no-explicit-any
  const { services } = parse((await project.print("compose.yml", "compose")).text) as any;
  assert(services.node.volumes.includes(`state:${state}`));
});

Deno.test({
  name: "systemd finds nothing wrong with the unit",
  ignore: !systemdAvailable(),
  async fn() {
    await using project = await Project.with(BOTH);
    const { text } = await project.print("unit", "systemd");
    const program = "/usr/local/bin/cyberwave-cloud-node";
    const path = `${project.folder}/cyberwave-cloud-node.service`;
    await Deno.writeTextFile(path, text.replace(program, "/bin/sh").replace("=/work", "=/tmp"));
    assertEquals(await verifyUnit(path, "system"), "");
  },
});

Deno.test("the script for Slurm passes signals on to the node, and ends as that does", async () => {
  await using project = await Project.with(BOTH.replace("gpu", "it's"));
  const { path, text } = await project.print(
    "node.sbatch",
    "slurm",
    "--name",
    "its",
    "--gpus",
    "1",
  );
  assertMatch(text, /^#!\/bin\/bash\n/);
  assertMatch(text, /^#SBATCH --no-requeue$/m);
  assertMatch(text, /^#SBATCH --gres=gpu:1$/m);
  await Deno.writeTextFile(
    `${project.folder}/cyberwave-cloud-node`,
    `#!/bin/bash\ntrap 'kill $!; echo drained; exit 10' QUIT\necho "$@" "$CYBERWAVE_POOL"\n` +
      "sleep 60 >/dev/null & wait $!\n",
    { mode: 0o755 },
  );
  const child = new Deno.Command("bash", {
    args: [path],
    env: {
      PATH: `${project.folder}:${Deno.env.get("PATH")}`,
      HOME: project.folder,
      SLURM_JOB_ID: "7",
    },
    stdout: "piped",
  }).spawn();
  const lines = new Inbox<string>();
  const read = (async () => {
    for await (const line of linesOf(child.stdout)) lines.push(line);
  })();
  assertEquals(
    await lines.next(),
    "start --exit-when-idle 10m --slug its-7 --state-folder " +
      `${project.folder}/.cyberwave/slurm-7 it's`,
  );
  child.kill("SIGQUIT");
  assertEquals(await lines.next(), "drained");
  assertEquals((await child.status).code, 10);
  await read;
});

Deno.test("the name for a pool is made of what names may have", async () => {
  await using project = await Project.with(BOTH.replace("gpu", "GPU_2.$(id)"));
  const { code, stdout } = await project.run("kubernetes");
  assertEquals(code, 0);
  assertStringIncludes(stdout, "\n  name: cloud-node-gpu-2-id\n");
  assertStringIncludes(stdout, '"GPU_2.$(id)"');
});

Deno.test("print refuses what there is no manifest for", async () => {
  await using project = await Project.with(BOTH);
  for (
    const [args, message] of [
      [["nomad"], 'There is no manifest for "nomad"'],
      [["toString"], 'There is no manifest for "toString"'],
      [["kubernetes", "--gpus", "half"], "--gpus must be a positive whole number"],
      [["kubernetes", "--image", "a b"], '--image must be a single word, got "a b"'],
      [["kubernetes", "--name", "A"], '"A" cannot be a name in a manifest'],
    ] as const
  ) {
    const { code, stderr } = await project.run(...args);
    assertEquals(code, 2);
    assertStringIncludes(stderr, message);
  }
});

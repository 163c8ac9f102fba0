/** What is particular to Slurm: each test is a fact about it that a command must not suffer from. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { filesIn } from "../../support/files.ts";
import type { Exit } from "../../../src/executors/executor.ts";
import { Bench, fileWritten, type Started } from "../../support/executors.ts";
import { slurmAvailable, SlurmCluster } from "../../support/slurm.ts";
import { slurmExecutor } from "./slurm_executor.ts";

type Options = Parameters<typeof slurmExecutor>[2];

/** A bench with a Slurm of its own. */
class SlurmBench extends Bench {
  constructor(readonly cluster: SlurmCluster, options: Options) {
    super((bench) => slurmExecutor(bench, cluster, options));
  }

  /** Runs shell source as a command. */
  source(source: string, more: Parameters<Bench["start"]>[0] = {}): Started {
    return this.start({ kind: "source", params: JSON.stringify({ source }), ...more });
  }

  /** A command that says when it runs, and waits for `go()`. */
  async waiting(rest = "echo done") {
    const [began, go] = [`${this.workFolder}/began`, `${this.workFolder}/go`];
    const wait = `until [ -f ${go} ]; do sleep 0.05; done`;
    const started = this.source(`echo run >>${began}.all; echo $$ >${began}; ${wait}; ${rest}`);
    const pid = Number(await fileWritten(began));
    const runs = () => Deno.readTextFileSync(`${began}.all`).trim().split("\n").length;
    // First what would write the exit code.
    const kill = () => [parentOf(pid), pid].forEach((pid) => Deno.kill(pid, "SIGKILL"));
    return { ...started, runs, kill, go: () => Deno.writeTextFileSync(go, "") };
  }

  /** The job of a command, as scontrol shows it. */
  async shown(what: Started): Promise<string> {
    const name = `cn-${what.folder.path.split("/").at(-1)}`;
    const { stdout } = await this.cluster.call("squeue", "--noheader", `--name=${name}`, "-o%i");
    return (await this.cluster.call("scontrol", "show", "job", stdout.trim())).stdout;
  }
}

function test(what: string, body: (bench: SlurmBench) => Promise<void>, options: Options = {}) {
  Deno.test({
    name: `slurm: ${what}`,
    ignore: !slurmAvailable(),
    fn: async () => {
      await using cluster = await SlurmCluster.start({ minJobAge: 2, maxJobId: 3 });
      await using bench = new SlurmBench(cluster, options);
      await body(bench);
    },
  });
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s*(\d+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))![1]);
}

function idIn(shown: string): string {
  return /^JobId=(\d+)/.exec(shown)![1]!;
}

test("a job is not put back into the queue, and its name and comment say whose it is", async (bench) => {
  const started = await bench.waiting();
  const shown = await bench.shown(started);
  for (const text of ["JobName=cn-c1", "Requeue=0", started.execution.handle.attempt]) {
    assertStringIncludes(shown, text);
  }
  started.go();
  await started.execution.exit;
});

test("no part of a job holds params or tokens, and the command has both", async (bench) => {
  const env = { CYBERWAVE_API_KEY: "the-token-of-it" };
  const file = `${bench.workFolder}/seen`;
  const started = bench.source(`echo "$CYBERWAVE_API_KEY" >${file}; sleep 1000 # the-params`, {
    env,
  });
  assertEquals(await fileWritten(file), "the-token-of-it\n");
  const all = [await bench.shown(started)];
  for (const path of filesIn(`${bench.cluster.folder}/state`)) {
    all.push(Deno.readTextFileSync(path));
  }
  for (const path of filesIn(started.folder.path)) {
    if (!path.endsWith("/params.json")) all.push(Deno.readTextFileSync(path));
  }
  const ps = await new Deno.Command("ps", { args: ["-eo", "args"] }).output();
  const text = all.join("\n");
  assertStringIncludes(text, "cn-c1");
  assertEquals([text.includes("the-token-of-it"), text.includes("the-params")], [false, false]);
  assert(!new TextDecoder().decode(ps.stdout).includes("the-token-of-it"));
  started.execution.stop("SIGKILL");
  await started.execution.exit;
});

test(
  "what was to be given to a job that never began is removed, and nobody else reads any of its files",
  async (bench) => {
    const started = bench.source("true", { env: { CYBERWAVE_API_KEY: "the-token-of-it" } });
    const files = () => [...filesIn(started.folder.path)];
    const holders = () =>
      files().filter((path) => Deno.readTextFileSync(path).includes("the-token-of-it"));
    await bench.cluster.until("it waits", async () => (await bench.cluster.jobs()).length === 1);
    assertEquals(holders().map((path) => path.split("/").at(-1)), ["job_orders"]);
    assertEquals(files().filter((path) => (Deno.statSync(path).mode! & 0o077) !== 0), []);
    // As somebody else does.
    await bench.cluster.call("scancel", "--name=cn-c1");
    const { exit } = await bench.ended(started);
    assertEquals(exit.type, "not_started");
    assertEquals(holders(), []);
  },
  { options: ["--begin=now+1hour"] },
);

test(
  "a command has the environment of the node, and what Slurm sets for its job",
  async (bench) => {
    const printed = `printf '%s|' "$SLURM_JOB_NAME" "$OWN" "\${SLURM_STEP_ID-}"; f; pwd`;
    const { stdout } = await bench.ended(bench.source(printed));
    assertEquals(
      stdout,
      `cn-c1|it's "mine"\n|of a function\n${bench.workFolder}\n`.replace("|of", "||of"),
    );
  },
  {
    env: {
      OWN: `it's "mine"\n`,
      SLURM_JOB_NAME: "of the job that runs the node",
      SLURM_STEP_ID: "7",
      "BASH_FUNC_f%%": "() { echo of a function; }",
    },
  },
);

test("the end of a job that Slurm has forgotten is known", async (bench) => {
  const started = bench.source("exit 3");
  const handle = started.execution.handle;
  started.execution.detach();
  await fileWritten(`${started.folder.path}/claim-${handle.attempt}`);
  await bench.cluster.until(
    "Slurm has forgotten it",
    async () => (await bench.cluster.jobs()).length === 0,
  );
  await bench.restart();
  assertEquals(await bench.executor.recover(handle, started.folder), {
    type: "ended",
    exit: { type: "exited", code: 3 },
  });
});

test("a job that has the number of another one is not taken for it", async (bench) => {
  const first = await bench.waiting();
  const number = idIn(await bench.shown(first));
  first.execution.detach();
  first.kill();
  await bench.cluster.until(
    "Slurm has forgotten it",
    async () => (await bench.cluster.jobs()).length === 0,
  );
  for (let isSame = false; !isSame;) {
    const other = bench.source("sleep 1000");
    await other.execution.started;
    isSame = idIn(await bench.shown(other)) === number;
    if (isSame) continue;
    other.execution.stop("SIGTERM");
    await other.execution.exit;
  }
  await bench.restart();
  const recovered = await bench.executor.recover(first.execution.handle, first.folder);
  assert(recovered.type === "running");
  recovered.execution.stop("SIGTERM");
  const exit = await recovered.execution.exit;
  assertEquals(exit.type === "lost" && exit.why.includes("no such job any more"), true);
  assertEquals((await bench.cluster.jobs("%i %T")).includes(`${number} RUNNING`), true);
});

test("a node that crashes as it submits a job finds it, and it runs once", async (bench) => {
  const started = bench.source("echo run >>runs; echo once");
  started.execution.detach();
  await bench.cluster.until("it is submitted", async () => (await bench.cluster.jobs()).length > 0);
  await bench.restart();
  const { handle } = started.execution;
  const recovered = await bench.executor.recover(handle, started.folder);
  const exit = recovered.type === "running" ? await recovered.execution.exit : recovered;
  assertEquals((exit as Exit & { exit?: Exit }).exit ?? exit, { type: "exited", code: 0 });
  assertEquals(Deno.readTextFileSync(`${bench.workFolder}/runs`), "run\n");
  assertEquals(await bench.cluster.jobs("%k"), [handle.attempt]);
});

/** sbatch as it is when its answer is lost: Slurm has the job, and nobody knows its number. */
const LOST_ANSWER = `#!/bin/sh
PATH=\${PATH#*:} sbatch "$@" >/dev/null
echo "sbatch: error: Socket timed out on send/recv operation" >&2
exit 1
`;

Deno.test({
  name: "slurm: a job whose submission was not answered is looked for before it is made again",
  ignore: !slurmAvailable(),
  fn: async () => {
    await using cluster = await SlurmCluster.start();
    const programs = `${cluster.folder}/bin`;
    Deno.mkdirSync(programs);
    Deno.writeTextFileSync(`${programs}/sbatch`, LOST_ANSWER, { mode: 0o700 });
    const env = { PATH: `${programs}:${Deno.env.get("PATH")}` };
    await using bench = new SlurmBench(cluster, { env });
    const { exit, stdout } = await bench.ended(bench.source("echo once"));
    assertEquals([exit, stdout], [{ type: "exited", code: 0 }, "once\n"]);
    assertEquals((await cluster.jobs()).length, 1);
    await bench.logger.logged("Socket timed out");
  },
});

test("a job that Slurm refuses is never run, and the answer says why", async (bench) => {
  const { exit } = await bench.ended(bench.source("true"));
  assertEquals(exit.type, "not_started");
  assertStringIncludes(JSON.stringify(exit), "Invalid partition name specified");
}, { options: ["--partition=nowhere"] });

test("a job that waits is removed when it is stopped", async (bench) => {
  const started = bench.source("true");
  await bench.cluster.until("it waits", async () => (await bench.cluster.jobs()).length > 0);
  started.execution.stop("SIGTERM");
  assertEquals((await started.execution.exit).type, "not_started");
  await bench.cluster.until(
    "it is removed",
    async () => !(await bench.cluster.jobs("%T")).includes("PENDING"),
  );
}, { options: ["--begin=now+1hour"] });

test("a job that waits for too long is removed, and the answer says so", async (bench) => {
  const { exit } = await bench.ended(bench.source("true"));
  assertEquals(exit, {
    type: "not_started",
    why: "Slurm did not start its job within 1 s",
  });
}, { options: ["--begin=now+1hour"], pendingTimeout: 1 });

test("a job that somebody cancels says so", async (bench) => {
  const started = await bench.waiting();
  const number = idIn(await bench.shown(started));
  await bench.cluster.call("scancel", number);
  const exit = await started.execution.exit;
  assertEquals(exit, { type: "failed", error: `Slurm ended job ${number}: CANCELLED` });
});

test("a job that is put back into the queue all the same never runs twice", async (bench) => {
  const started = await bench.waiting();
  const number = idIn(await bench.shown(started));
  await bench.cluster.call("scontrol", "update", `JobId=${number}`, "Requeue=1");
  assertEquals((await bench.cluster.call("scontrol", "requeue", number)).code, 0);
  const exit = await started.execution.exit;
  assert(exit.type === "lost" || exit.type === "exited", JSON.stringify(exit));
  await bench.cluster.until(
    "no job is left",
    async () =>
      !(await bench.cluster.jobs("%T")).some((state) => /PENDING|RUNNING|COMPLETING/.test(state)),
  );
  assertEquals(started.runs(), 1);
});

test("a job goes on and is answered when slurmctld and slurmd are killed", async (bench) => {
  const started = await bench.waiting();
  await bench.cluster.killController();
  await bench.cluster.killDaemon();
  const later = bench.source("echo later");
  await bench.logger.logged("Slurm does not answer: ");
  assertEquals(bench.executor.status().state, "unhealthy");
  started.go();
  const { exit, stdout } = await bench.ended(started);
  assertEquals([exit, stdout], [{ type: "exited", code: 0 }, "done\n"]);
  bench.cluster.startController();
  bench.cluster.startDaemon();
  const { exit: last, stdout: printed } = await bench.ended(later);
  assertEquals([last, printed], [{ type: "exited", code: 0 }, "later\n"]);
  assertEquals(bench.executor.status().state, "ready");
});

test("a job whose computer fails is lost", async (bench) => {
  const started = await bench.waiting();
  const number = idIn(await bench.shown(started));
  await bench.cluster.killDaemon();
  bench.cluster.killSteps();
  started.kill();
  await bench.cluster.call("scontrol", "update", "NodeName=localhost", "State=DOWN", "Reason=test");
  const exit = await started.execution.exit;
  assert(exit.type === "lost", JSON.stringify(exit));
  assertStringIncludes(exit.why, `Slurm ended job ${number}: NODE_FAIL`);
});

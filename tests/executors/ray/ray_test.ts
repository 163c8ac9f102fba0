/** What is particular to Ray: each test is a fact about it that a command must not suffer from. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Bench, fileWritten, type Started } from "../../support/executors.ts";
import { rayAvailable, RayCluster } from "../../support/ray.ts";
import { rayExecutor } from "./ray_executor.ts";

type Options = Parameters<typeof rayExecutor>[2];

/** A bench with a Ray. */
class RayBench extends Bench {
  constructor(readonly cluster: RayCluster, options: Options) {
    super((bench) => rayExecutor(bench, cluster.address, options));
  }

  /** Runs shell source as a command. */
  source(source: string, more: Parameters<Bench["start"]>[0] = {}): Started {
    return this.start({ kind: "source", params: JSON.stringify({ source }), ...more });
  }

  /** The job of a command, as Ray describes it. */
  async shown({ execution: { handle } }: Started): Promise<Record<string, unknown> | undefined> {
    const end = `-${handle.attempt.slice(0, 8)}`;
    const jobs = await this.cluster.jobs();
    return jobs.find(({ submission_id: id }) => (id as string).endsWith(end));
  }
}

if (rayAvailable()) {
  const shared = await RayCluster.start();
  Deno.test.afterAll(() => shared[Symbol.asyncDispose]());

  const test = (what: string, body: (bench: RayBench) => Promise<void>, options: Options = {}) =>
    Deno.test(`ray: ${what}`, async () => {
      await using bench = new RayBench(shared, options);
      await body(bench);
    });

  test("no part of a job holds params or tokens, and the command has both", async (bench) => {
    const env = { CYBERWAVE_API_KEY: "the-token-of-it" };
    const file = `${bench.workFolder}/seen`;
    const source = `echo "$CYBERWAVE_API_KEY" >${file}; sleep 1000 # the-params`;
    const started = bench.source(source, { env });
    assertEquals(await fileWritten(file), "the-token-of-it\n");
    const shown = JSON.stringify(await bench.shown(started));
    assertStringIncludes(shown, `"cyberwave_command":"c1"`);
    for (const text of ["the-token-of-it", "the-params"]) assert(!shown.includes(text));
    for (const { name } of Deno.readDirSync(started.folder.path)) {
      const text = Deno.readTextFileSync(`${started.folder.path}/${name}`);
      assert(!text.includes("the-token-of-it"), name);
    }
    started.execution.stop("SIGTERM");
    await started.execution.exit;
  });

  test(
    "a job reserves GPUs, and has its runtime environment over that of the node",
    async (bench) => {
      const { exit, stdout } = await bench.ended(
        bench.source(
          `printf '%s|' "$CUDA_VISIBLE_DEVICES" "$GIVEN" "$OWN" "\${RAY_AUTH_TOKEN-}"; pwd`,
        ),
      );
      assertEquals(exit, { type: "exited", code: 0 });
      assertEquals(stdout.replace(/^[01]\|/, "N|"), `N|by Ray|own||${bench.workFolder}\n`);
    },
    {
      numGpus: 1,
      runtimeEnv: { env_vars: { GIVEN: "by Ray" } },
      env: {
        GIVEN: "by the node",
        OWN: "own",
        CUDA_VISIBLE_DEVICES: "7",
        RAY_AUTH_TOKEN: "not for jobs",
      },
    },
  );

  test(
    "a job that waits for too long is stopped, never runs, and the answer says so",
    async (bench) => {
      const started = bench.source(`touch ${bench.workFolder}/ran`);
      const { exit } = await bench.ended(started);
      assertEquals(exit, { type: "not_started", why: "Ray did not start its job within 1 s" });
      assertEquals(Array.from(Deno.readDirSync(bench.workFolder), ({ name }) => name), []);
    },
    { numGpus: 100, pendingTimeout: 1 },
  );

  test("a job that Ray refuses is never run, and the answer says why", async (bench) => {
    const { exit } = await bench.ended(bench.source("true"));
    assertEquals(exit.type, "not_started");
    assertStringIncludes(JSON.stringify(exit), "/nowhere is not a valid path");
  }, { runtimeEnv: { working_dir: "/nowhere" } });

  test("a node that crashes as it submits a job finds it, and it runs once", async (bench) => {
    const started = bench.source("echo run >>runs");
    started.execution.detach();
    await bench.restart();
    const again = bench.executor.recover(started.execution.handle, started.folder);
    const recovered = await again;
    // It had come as far as Ray, or had not: then it never will.
    if (recovered.type === "not_started") return;
    const exit = recovered.type === "running" ? await recovered.execution.exit : recovered.exit;
    assertEquals(exit, { type: "exited", code: 0 });
    assertEquals(Deno.readTextFileSync(`${bench.workFolder}/runs`), "run\n");
  });

  Deno.test("ray: what a head forgets that is killed is lost, unless it had ended", async () => {
    await using cluster = await RayCluster.start();
    await using bench = new RayBench(cluster, {});
    const ended = bench.source("exit 3");
    const endedHandle = await ended.execution.started;
    await ended.execution.exit;
    const file = `${bench.workFolder}/began`;
    const running = bench.source(`echo now >${file}; sleep 1000`);
    await fileWritten(file);
    const handle = await running.execution.started;
    await cluster.killHead();
    await bench.logger.logged("Ray does not answer: ");
    assertEquals(bench.executor.status().state, "unhealthy");
    await cluster.startHead();
    assertEquals(await running.execution.exit, {
      type: "lost",
      why: "Ray has no such job any more, and it left no exit code",
    });
    assertEquals((await bench.ended(bench.source("echo next"))).stdout, "next\n");
    await bench.restart();
    assertEquals(await bench.executor.recover(endedHandle, ended.folder), {
      type: "ended",
      exit: { type: "exited", code: 3 },
    });
    const again = await bench.executor.recover(handle, running.folder);
    assert(again.type === "running" || again.type === "ended" && again.exit.type === "lost");
  });

  Deno.test("ray: a cluster that asks for a token gets it, and refuses another one", async () => {
    const token = "a-token-of-at-least-thirty-two-characters";
    await using cluster = await RayCluster.start(token);
    {
      await using bench = new RayBench(cluster, { token });
      const { exit, stdout } = await bench.ended(bench.source("echo let in"));
      assertEquals([exit, stdout], [{ type: "exited", code: 0 }, "let in\n"]);
    }
    await using bench = new RayBench(cluster, { token: "another-token-of-thirty-two-characters" });
    const { exit } = await bench.ended(bench.source("true"));
    assertEquals(exit.type, "not_started");
    assertStringIncludes(JSON.stringify(exit), "RAY_AUTH_TOKEN");
    assert(!JSON.stringify(bench.logger.shown).includes("another-token"));
  });
}

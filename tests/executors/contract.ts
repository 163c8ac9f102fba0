/** What every executor does, whatever runs its commands. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Exit, Handle } from "../../src/executors/executor.ts";
import type { WorkloadFolder } from "../../src/workloads/folder.ts";
import { Bench, type ExecutorFactory, fileWritten, isAlive } from "../support/executors.ts";

/** The commands that an executor under test has to know, by their kinds. */
export interface ContractCommands {
  /** Prints its params to standard output, without a line break. */
  readonly echo: string;
  /** Prints "sorry" to standard error and fails with code 3. */
  readonly failure: string;
  /** Prints the bytes ff 0a 00 0a. */
  readonly bytes: string;
  /** Prints 20,000,000 bytes. */
  readonly much: string;
  /** Writes its pid and a line break to the file in its params, and waits to be ended. */
  readonly wait: string;
  /** The same, and takes no notice of SIGTERM. */
  readonly stubborn: string;
  /** The same, until there is a file `go` beside that; then it prints "done" and succeeds. */
  readonly until: string;
}

/** The kinds of the commands. */
export const KINDS: readonly (keyof ContractCommands)[] = [
  "echo",
  "failure",
  "bytes",
  "much",
  "wait",
  "stubborn",
  "until",
];

/** What executors differ in, as far as they may. */
export interface ContractTraits {
  /** How the command `failure` ends. Default: with code 3. */
  readonly failure?: Exit;
  /**
   * Whether each command is a process that its handle names, one that only the cluster knows, or none
   * that can be killed. Default: `named`.
   */
  readonly process?: "named" | "elsewhere" | "none";
}

/** Registers the tests of one executor. */
export function testExecutor(
  name: string,
  create: ExecutorFactory,
  { failure = { type: "exited", code: 3 }, process: kind = "named" }: ContractTraits = {},
): void {
  const isGone = async (pid: number) => kind === "none" || !await isAlive(pid);
  const test = (what: string, body: (bench: Bench) => Promise<void>) =>
    Deno.test(`${name}: ${what}`, async () => {
      await using bench = new Bench(create);
      await body(bench);
    });

  test("a command gets its params and succeeds", async (bench) => {
    const params = `{"text":"it's \\"$HOME\\" \u00e9 \`x\` \\n", "n": 1}`;
    const { exit, stdout, stderr } = await bench.run({ kind: "echo", params });
    assertEquals({ exit, output: JSON.parse(stdout), stderr }, {
      exit: { type: "exited", code: 0 },
      output: JSON.parse(params),
      stderr: "",
    });
  });

  test("a command that fails says so, and why", async (bench) => {
    const { exit, stdout, stderr } = await bench.run({ kind: "failure" });
    assertEquals([exit, stdout], [failure, ""]);
    assertStringIncludes(stderr, "sorry");
  });

  test("output that is no text is kept as it is", async (bench) => {
    const started = bench.start({ kind: "bytes" });
    await started.execution.exit;
    const bytes = Deno.readFileSync(started.folder.outputFile("stdout"));
    assertEquals([...bytes], [0xff, 0x0a, 0x00, 0x0a]);
  });

  test("much output arrives whole", async (bench) => {
    const started = bench.start({ kind: "much" });
    assertEquals(await started.execution.exit, { type: "exited", code: 0 });
    assertEquals(Deno.statSync(started.folder.outputFile("stdout")).size, 20_000_000);
  });

  test("a command that runs has a process, an age, and a handle that names both", async (bench) => {
    const { execution } = await waiting(bench, "wait");
    const { attempt, executor, bootId, process } = await execution.started;
    assertEquals({ attempt, executor, bootId }, execution.handle);
    assertEquals(process?.pid, execution.pid);
    assertEquals(process !== undefined, kind === "named");
    assert(execution.ageMs >= 0 && execution.ageMs < 60_000);
    execution.stop("SIGKILL");
    await execution.exit;
  });

  test("SIGTERM ends a command", async (bench) => {
    const { execution, pid } = await waiting(bench, "wait");
    execution.stop("SIGTERM");
    const exit = await execution.exit;
    assert(["exited", "killed", "failed"].includes(exit.type));
    assertEquals(["survivors" in exit && exit.survivors, await isGone(pid)], [false, true]);
  });

  test("SIGKILL ends a command that takes no notice of SIGTERM", async (bench) => {
    const { execution, pid } = await waiting(bench, "stubborn");
    execution.stop("SIGTERM");
    assert(await isAlive(pid));
    execution.stop("SIGKILL");
    assertKilled(await execution.exit);
    assert(await isGone(pid));
  });

  test("a command that nobody watches any more goes on", async (bench) => {
    const { execution, folder, go } = await waiting(bench, "until");
    const handle = await execution.started;
    execution.detach();
    go();
    await bench.restart();
    assertEquals(await endOf(bench, handle, folder), { type: "exited", code: 0 });
  });

  test("a later executor finds a command that runs, and how it ends", async (bench) => {
    const first = await waiting(bench, "until");
    const handle = await first.execution.started;
    await bench.restart();
    const found = await bench.recoverRunning(handle, first.folder);
    assertEquals(found.execution.pid, first.execution.pid);
    first.go();
    const { exit, stdout } = await bench.ended(found);
    assertEquals([exit, stdout.trim()], [{ type: "exited", code: 0 }, "done"]);
  });

  test("a later executor stops a command that runs", async (bench) => {
    const first = await waiting(bench, "stubborn");
    const handle = await first.execution.started;
    await bench.restart();
    const { execution } = await bench.recoverRunning(handle, first.folder);
    execution.stop("SIGKILL");
    assertKilled(await execution.exit);
    assert(await isGone(first.pid));
  });

  test("a later executor finds how a command has ended", async (bench) => {
    const { execution, folder } = bench.start({ kind: "failure" });
    const handle = await execution.started;
    await execution.exit;
    await bench.restart();
    const recovered = await bench.executor.recover(handle, folder);
    assertEquals(recovered.type === "ended" && recovered.exit, failure);
  });

  test("a start that a node has only announced never begins, and may be made again", async (bench) => {
    const folder = bench.nextFolder();
    const place = bench.reserve({ id: "c1", kind: "echo" });
    const { handle } = place;
    place.prepare?.(folder);
    await bench.restart();
    assertEquals(await bench.executor.recover(handle, folder), { type: "not_started" });
    const { exit, stdout } = await bench.run({ kind: "echo", params: "[1]", folder });
    assertEquals([exit, stdout], [{ type: "exited", code: 0 }, "[1]"]);
  });

  test("a start before the last reboot is lost", async (bench) => {
    const folder = bench.nextFolder();
    const { handle } = bench.reserve({ id: "c1", kind: "echo" });
    const recovered = await bench.executor.recover({ ...handle, bootId: "another" }, folder);
    assertEquals(recovered.type === "ended" && recovered.exit.type, "lost");
  });

  test("a place that is not used costs nothing", async (bench) => {
    bench.reserve({ id: "c1", kind: "echo" }).release();
    assertEquals((await bench.run({ kind: "echo" })).exit.type, "exited");
    assertEquals(bench.executor.status().state, "ready");
    await bench.executor[Symbol.asyncDispose]();
    assertEquals(bench.executor.status().state, "stopped");
  });
}

function assertKilled(exit: Exit): void {
  assert(exit.type === "killed");
  assertEquals([exit.signal, exit.survivors], ["SIGKILL", undefined]);
}

/** Starts a command that waits, and waits until it does. */
async function waiting(bench: Bench, kind: "wait" | "stubborn" | "until") {
  const file = `${bench.workFolder}/pid`;
  const started = bench.start({ kind, params: JSON.stringify(file) });
  const pid = Number(await fileWritten(file));
  const go = () => Deno.writeTextFileSync(`${bench.workFolder}/go`, "\n");
  return { ...started, pid, go };
}

/** How a command has ended, whether that is found at once or later. */
async function endOf(bench: Bench, handle: Handle, folder: WorkloadFolder) {
  const recovered = await bench.executor.recover(handle, folder);
  if (recovered.type === "running") return await recovered.execution.exit;
  return recovered.type === "ended" ? recovered.exit : recovered;
}

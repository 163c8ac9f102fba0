import { assertEquals } from "@std/assert";
import type { Handle } from "../../../src/executors/executor.ts";
import { ProcessExecutor } from "../../../src/executors/process/process_executor.ts";
import { startTimes } from "../../../src/os/processes.ts";
import { systemClock } from "../../../src/time.ts";
import { Bench, HOST, isAlive } from "../../support/executors.ts";

/** What version 0.1 had around a workload, as far as a later one sees it: a shell that leads a group. */
class OldWorkload implements AsyncDisposable {
  readonly bench = new Bench(({ workFolder, logger }) =>
    new ProcessExecutor({
      templates: {},
      env: {},
      workFolder,
      host: HOST,
      clock: systemClock,
      logger,
    })
  );
  readonly folder = this.bench.nextFolder();
  readonly #child: Deno.ChildProcess;

  constructor() {
    Deno.mkdirSync(this.folder.path);
    const script = `trap signalled=1 TERM
      printf ................ >exit; read line; printf '%s\\n' "$line" 1<>exit`;
    this.#child = new Deno.Command("sh", {
      args: ["-c", script],
      cwd: this.folder.path,
      stdin: "piped",
      stdout: "null",
      detached: true,
    }).spawn();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** What the journal of that version has of it. */
  async handle(): Promise<Handle> {
    const { bootId } = HOST;
    const startTime = (await startTimes([this.pid])).get(this.pid)!;
    return {
      executor: "process",
      attempt: "",
      bootId,
      process: { pid: this.pid, startTime, bootId },
    };
  }

  /** Lets it write down an exit code and end. */
  async end(code: number): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(`${code}\n`));
    await writer.close();
    await this.#child.status;
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.stdin.abort();
    await this.#child.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stdin.abort().catch(() => {});
    await this.#child.status;
    await this.bench[Symbol.asyncDispose]();
  }
}

Deno.test("a workload that version 0.1 left running is watched to its end", async () => {
  await using old = new OldWorkload();
  const { execution } = await old.bench.recoverRunning(await old.handle(), old.folder);
  assertEquals([execution.pid, (await execution.started).process?.pid], [old.pid, old.pid]);
  await old.end(3);
  assertEquals(await execution.exit, { type: "exited", code: 3 });
});

Deno.test("a workload that version 0.1 left running is stopped", async () => {
  await using old = new OldWorkload();
  const { execution } = await old.bench.recoverRunning(await old.handle(), old.folder);
  execution.stop("SIGKILL");
  assertEquals((await execution.exit).type, "killed");
  assertEquals(await isAlive(old.pid), false);
});

Deno.test("a workload of version 0.1 that has ended meanwhile is answered as it ended", async () => {
  await using old = new OldWorkload();
  const handle = await old.handle();
  await old.end(7);
  assertEquals(await old.bench.executor.recover(handle, old.folder), {
    type: "ended",
    exit: { type: "exited", code: 7 },
  });
  const [lost, killed] = [{ ...handle }, { ...handle }];
  old.folder.remove();
  const found = await old.bench.executor.recover(lost, old.folder);
  assertEquals(found.type === "ended" && found.exit.type, "lost");
  Deno.mkdirSync(old.folder.path);
  Deno.writeTextFileSync(`${old.folder.path}/exit`, "................");
  assertEquals(await old.bench.executor.recover(killed, old.folder), {
    type: "ended",
    exit: { type: "killed", signal: "SIGKILL" },
  });
});

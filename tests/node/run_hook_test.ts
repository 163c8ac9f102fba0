import { assertEquals } from "@std/assert";
import { runHook } from "../../src/node/run_hook.ts";
import { FakeClock } from "../support/clock.ts";
import { RecordingLogger } from "../support/events.ts";
import { fileWritten, HOST, isAlive } from "../support/executors.ts";

class HookTest implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "cloud_node_hook_" });
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly stopped = new AbortController();

  run(source: string, event: unknown = {}, guardSeconds?: number): Promise<void> {
    return runHook("on_workload_end", source, event, {
      workFolder: this.folder,
      env: { PATH: Deno.env.get("PATH")!, WEBHOOK: "https://hooks.example" },
      host: HOST,
      clock: this.clock,
      logger: this.logger,
      stopped: this.stopped.signal,
      ...(guardSeconds && { guardSeconds }),
    });
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

Deno.test("a hook gets the event as JSON, the node's environment and the config's folder", async () => {
  using test = new HookTest();
  await test.run('read -r event; echo "$WEBHOOK $event" > told', { event: "disconnect" });
  const told = await Deno.readTextFile(`${test.folder}/told`);
  assertEquals(told, 'https://hooks.example {"event":"disconnect"}\n');
  assertEquals(test.logger.lines.all, []);
});

Deno.test("a hook that fails is a warning with its last words", async () => {
  using test = new HookTest();
  await test.run("echo one >&2; echo no such channel >&2; exit 3");
  assertEquals(test.logger.lines.all, [
    { level: "warn", message: "on_workload_end failed with code 3: no such channel" },
  ]);
});

Deno.test("a hook that is killed is a warning, without what the shell says of that", async () => {
  using test = new HookTest();
  await test.run("echo almost >&2; kill -s KILL $$");
  await test.run("kill -s KILL 0");
  assertEquals(test.logger.lines.all.map(({ message }) => message), [
    "on_workload_end failed with code 137: almost",
    "on_workload_end was killed",
  ]);
});

Deno.test("a hook that reads nothing of a long event has not failed", async () => {
  using test = new HookTest();
  await test.run("exit 0", { text: "x".repeat(1_000_000) });
  assertEquals(test.logger.lines.all, []);
});

Deno.test("a hook that takes too long is killed, with what it has started", async () => {
  using test = new HookTest();
  const ran = test.run("sleep 1000 & echo $! > child; mv child pid; wait");
  const pid = Number(await fileWritten(`${test.folder}/pid`));
  await test.clock.sleepingFor(30_000);
  await test.clock.advance(30_000);
  await ran;
  const [{ message }] = test.logger.lines.all;
  assertEquals(message, "on_workload_end was killed: it took longer than 30 s");
  while (await isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
});

Deno.test("a hook that leaves a process running is not waited for", async () => {
  using test = new HookTest();
  const ran = test.run("sleep 1000 & echo $! > pid; echo left one >&2; exit 1");
  await test.clock.sleepingFor(250);
  await test.clock.advance(250);
  await ran;
  const [{ message }] = test.logger.lines.all;
  assertEquals(message, "on_workload_end failed with code 1: left one");
  Deno.kill(Number(await Deno.readTextFile(`${test.folder}/pid`)), "SIGKILL");
});

Deno.test({
  name: "a hook that nobody follows any more is not waited for, and ends in time all the same",
  // Its end is no longer this process's.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    using test = new HookTest();
    const ran = test.run("echo $$ > child; mv child pid; exec sleep 1000", {}, 0.5);
    const pid = Number(await fileWritten(`${test.folder}/pid`));
    test.stopped.abort();
    await ran;
    assertEquals(test.logger.lines.all, []);
    while (await isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
  },
});

import { assertEquals, assertRejects } from "@std/assert";
import { InstallScriptError } from "../../src/errors.ts";
import { systemClock } from "../../src/time.ts";
import { type InstallOptions, runInstallScript } from "../../src/node/install.ts";
import { FakeClock } from "../support/clock.ts";
import { RecordingLogger } from "../support/events.ts";
import { fileWritten, HOST, isAlive } from "../support/executors.ts";

class Harness implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "cloud_node_install_" });
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly stop = new AbortController();

  run(script: string, options: Partial<InstallOptions> = {}): Promise<void> {
    return runInstallScript({
      script,
      workFolder: this.folder,
      env: { PATH: Deno.env.get("PATH")! },
      host: HOST,
      clock: this.clock,
      logger: this.logger,
      graceMs: 10_000,
      ...options,
    }, this.stop.signal);
  }

  [Symbol.dispose](): void {
    this.stop.abort();
    Deno.removeSync(this.folder, { recursive: true });
  }
}

Deno.test("the install script runs where the configuration is, its output shown live", async () => {
  using test = new Harness();
  await new Deno.Command("mkfifo", { args: [`${test.folder}/go`] }).output();
  const script =
    "echo one; echo two >&2; read line <go; printf '10%%\\r99%%\\n\\033[1mdone' ; pwd >where";
  const done = test.run(script);
  await test.logger.logged("[install] one");
  await test.logger.logged("[install] two");
  await Deno.writeTextFile(`${test.folder}/go`, "\n");
  await done;
  assertEquals(test.logger.shown.slice(-3), [
    "info: [install] 99%",
    "info: [install] done",
    "info: The install script succeeded",
  ]);
  assertEquals(
    Deno.readTextFileSync(`${test.folder}/where`).trim(),
    Deno.realPathSync(test.folder),
  );
});

Deno.test("the install script has the environment it is given, and no input", async () => {
  using test = new Harness();
  const env = { PATH: Deno.env.get("PATH")!, GREETING: "hello" };
  await test.run('read line; env; [ -z "$line" ]', { env });
  const shown = test.logger.shown;
  assertEquals(shown.includes("info: [install] GREETING=hello"), true);
  assertEquals(shown.filter((line) => /\[install\] HOME=/.test(line)), []);
});

Deno.test("a failing install script is an error with its code and its last lines of stderr", async () => {
  using test = new Harness();
  const script = "echo out; for i in $(seq 25); do echo line $i >&2; done; exit 7";
  const error = await assertRejects(() => test.run(script), InstallScriptError);
  const lines = Array.from({ length: 20 }, (_, index) => `line ${index + 6}`);
  assertEquals(error.message, ["The install script failed with code 7", ...lines].join("\n"));
  assertEquals([error.exitCode, error.hint !== undefined], [4, true]);
});

Deno.test("an install script that is killed is an error with the signal", async () => {
  using test = new Harness();
  const error = await assertRejects(() => test.run("kill -s KILL $$"), InstallScriptError);
  assertEquals(error.message, "The install script failed with SIGKILL");
});

Deno.test("an install script that is not even begun", async () => {
  using test = new Harness();
  const reason = new Error("The node was asked to stop");
  test.stop.abort(reason);
  const error = await assertRejects(() => test.run("touch ran"));
  assertEquals([error, [...Deno.readDirSync(test.folder)]], [reason, []]);
});

Deno.test("aborted in the middle, the install script ends with all it started", async () => {
  using test = new Harness();
  const script = "tail -f /dev/null & echo $! >child; wait";
  const reason = new Error("The node was asked to stop");
  const done = assertRejects(() => test.run(script));
  const child = Number(await fileWritten(`${test.folder}/child`));
  test.stop.abort(reason);
  assertEquals(await done, reason);
  assertEquals(await isAlive(child), false);
  await test.logger.logged("Stopping the install script");
});

Deno.test("an install script that minds no SIGTERM is killed after its grace", async () => {
  using test = new Harness();
  const script = "trap '' TERM; echo $$ >pid; while :; do tail -f /dev/null & wait; done";
  const done = assertRejects(() => test.run(script));
  const pid = Number(await fileWritten(`${test.folder}/pid`));
  test.stop.abort(new Error("The node was asked to stop"));
  await test.clock.sleepingFor(10_000);
  assertEquals(await isAlive(pid), true);
  await test.clock.advance(10_000);
  await done;
  assertEquals(await isAlive(pid), false);
});

/**
 * A script that leaves a daemon behind: in a session of its own, without a parent. It writes its pid to
 * a file and holds the output.
 */
function withDaemon(script: string, daemon = "exec tail -f /dev/null"): string {
  return `(setsid sh -c 'echo $$ >daemon; ${daemon}' &); ${script}`;
}

async function endDaemon(folder: string): Promise<void> {
  Deno.kill(Number(await fileWritten(`${folder}/daemon`)), "SIGKILL");
}

Deno.test("an install script is done when it ends, whatever it leaves running", async () => {
  using test = new Harness();
  const done = test.run(withDaemon("echo installed"));
  await test.clock.sleepingFor(250);
  await test.clock.advance(250);
  await done;
  await endDaemon(test.folder);
  assertEquals(test.logger.shown.slice(-3), [
    "info: [install] installed",
    "warn: The install script left a process running that still writes to the node, and fails when " +
    "the node ends: redirect its output",
    "info: The install script succeeded",
  ]);
});

Deno.test("a daemon that goes on printing holds the start no longer than 2 s, and lives on", async () => {
  using test = new Harness();
  const done = test.run(withDaemon(":", "while echo news; do sleep 0.01; done"));
  await test.logger.logged("[install] news");
  await test.clock.sleepingFor(250);
  await test.clock.advance(2_000);
  await done;
  await test.logger.logged("left a process running");
  for (let i = 0; i < 10; i++) await test.logger.logged("[install] news");
  await endDaemon(test.folder);
});

Deno.test("the last lines of a script that leaves a daemon are shown, be they a full pipe", async () => {
  using test = new Harness();
  const script = withDaemon("seq 20000 >&2; exit 7");
  const run = () => test.run(script, { clock: systemClock });
  const error = await assertRejects(run, InstallScriptError);
  assertEquals(error.message.split("\n").at(-1), "20000");
  await endDaemon(test.folder);
});

Deno.test("a stopped install script does not wait for a daemon that it has left", async () => {
  using test = new Harness();
  const done = assertRejects(() => test.run(withDaemon("exec tail -f /dev/null")));
  await fileWritten(`${test.folder}/daemon`);
  const reason = new Error("The node was asked to stop");
  test.stop.abort(reason);
  await test.clock.sleepingFor(250);
  await test.clock.advance(250);
  assertEquals(await done, reason);
  await endDaemon(test.folder);
});

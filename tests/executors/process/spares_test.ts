import { assert, assertEquals } from "@std/assert";
import { Launch } from "../../../src/executors/process/launch.ts";
import { Spares } from "../../../src/executors/process/spares.ts";
import { Supervisor } from "../../../src/executors/process/supervisor.ts";
import { systemClock } from "../../../src/time.ts";
import { WorkloadFolder } from "../../../src/workloads/folder.ts";
import { excerptOf } from "../../../src/workloads/output.ts";
import { FakeClock } from "../../support/clock.ts";
import { RecordingLogger } from "../../support/events.ts";
import { HOST, HOSTS, isAlive } from "../../support/executors.ts";

const MINUTE = 60_000;

/** Supervisors that wait in a folder of their own. */
class Waiting implements AsyncDisposable {
  readonly workloadsFolder = Deno.makeTempDirSync({ prefix: "cloud_node_spares_" });
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly common = {
    workFolder: this.workloadsFolder,
    maxOutputFiles: 1024 ** 2,
    env: { PATH: Deno.env.get("PATH")!, COMMON: "for all" },
    host: HOST,
  };
  spares: Spares = this.create();

  create(): Spares {
    return new Spares({ ...this.common, ...this, count: 2 });
  }

  /** Lets as much time pass as it takes until others wait. */
  async fill(): Promise<void> {
    this.spares.fillSoon();
    await this.clock.advance(20);
    await this.spares.whenFilled();
  }

  /** The names of what is in the folder. */
  names(): string[] {
    return Array.from(Deno.readDirSync(this.workloadsFolder), ({ name }) => name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.spares.close();
    Deno.removeSync(this.workloadsFolder, { recursive: true });
  }
}

Deno.test("supervisors wait after a command was started, and an idle node has none", async () => {
  await using waiting = new Waiting();
  assertEquals([waiting.spares.take(), waiting.names()], [undefined, []]);
  await waiting.fill();
  assertEquals(waiting.names().length, 2);
  const supervisors = [waiting.spares.take()!, waiting.spares.take()!];
  assertEquals(waiting.spares.take(), undefined);
  for (const supervisor of supervisors) waiting.spares.putBack(supervisor);
  await waiting.clock.advance(MINUTE - 21);
  for (const { pid } of supervisors) assert(await isAlive(pid));
  await waiting.clock.advance(1);
  await Promise.all(supervisors.map(({ ended }) => ended));
  assertEquals(waiting.spares.take(), undefined);
});

Deno.test("a supervisor that waits shows nothing of any command", async () => {
  await using waiting = new Waiting();
  await waiting.fill();
  const supervisor = waiting.spares.take()!;
  const line = Deno.readTextFileSync(`/proc/${supervisor.pid}/cmdline`);
  waiting.spares.putBack(supervisor);
  assert(line.includes("cyberwave-workload") && !line.includes("COMMON"), line);
});

Deno.test("what an earlier node left of supervisors that waited is cleared away", async () => {
  await using waiting = new Waiting();
  Deno.mkdirSync(`${waiting.workloadsFolder}/.spare-1`);
  Deno.writeTextFileSync(`${waiting.workloadsFolder}/.spare-1/stdout.log`, "");
  Deno.mkdirSync(`${waiting.workloadsFolder}/c1`);
  await waiting.spares.close();
  waiting.spares = waiting.create();
  assertEquals(waiting.names(), ["c1"]);
});

for (const host of HOSTS) {
  for (const isKilled of [false, true]) {
    const what = isKilled ? "gets another one" : "runs under it";
    Deno.test(`a command whose supervisor waited ${what}, under ${host.shell}`, async () => {
      await using waiting = new Waiting();
      const from = new WorkloadFolder(`${waiting.workloadsFolder}/.spare-1`);
      const folder = new WorkloadFolder(`${waiting.workloadsFolder}/c1`);
      Deno.mkdirSync(from.path);
      const options = { ...waiting.common, host, attempt: crypto.randomUUID() };
      const supervisor = new Supervisor({ ...options, folder: from });
      await supervisor.waiting;
      if (isKilled) {
        Deno.kill(supervisor.pid, "SIGKILL");
        await supervisor.ended;
      }
      Deno.renameSync(from.path, folder.path);
      const handle = { executor: "process", attempt: options.attempt, bootId: host.bootId };
      const source = 'echo "$COMMON, $OWN" && echo "$0" >&2';
      const orders = { source, env: { OWN: `it's\n"$HOME"` }, folder };
      const context = { clock: systemClock, logger: waiting.logger };
      const launch = new Launch(handle, { ...options, folder }, orders, context, supervisor);
      assertEquals(await launch.ended, { type: "exited", code: 0 });
      const { process } = await launch.started;
      assertEquals(process!.pid === supervisor.pid, !isKilled);
      assertEquals(excerptOf(folder, "stdout", 99).text, `for all, it's\n"$HOME"\n`);
      assertEquals(excerptOf(folder, "stderr", 99).text, `${host.shell}\n`);
    });
  }
}

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

  /** Has others wait. */
  async fill(): Promise<void> {
    this.spares.fillSoon();
    await this.clock.advance(20);
    const taken: Supervisor[] = [];
    while (taken.length < 2) {
      const supervisor = this.spares.take();
      if (supervisor === undefined) await new Promise((resolve) => setTimeout(resolve, 0));
      else taken.push(supervisor);
    }
    for (const supervisor of taken.reverse()) this.spares.putBack(supervisor);
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
  waiting.spares.fillSoon();
  await waiting.clock.advance(19);
  assertEquals(waiting.names(), []);
  await waiting.clock.advance(1);
  assertEquals(waiting.names().length, 2);
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

Deno.test("a supervisor that was stopped while it waited is killed with its pumps", async () => {
  await using waiting = new Waiting();
  await waiting.fill();
  const supervisors = [waiting.spares.take()!, waiting.spares.take()!];
  for (const supervisor of supervisors) {
    Deno.kill(-supervisor.pid, "SIGSTOP");
    waiting.spares.putBack(supervisor);
  }
  const closed = waiting.spares.close();
  await waiting.clock.advance(1_000);
  await closed;
  await Promise.all(supervisors.map(({ drained }) => drained));
  assertEquals(waiting.names(), []);
});

/** What happens to a supervisor that waits, before it gets a command. */
const FATES: Readonly<Record<string, (supervisor: Supervisor) => Promise<unknown> | void>> = {
  "runs under it": () => {},
  "gets another one if it was killed": ({ pid, ended }) => {
    Deno.kill(pid, "SIGKILL");
    return ended;
  },
  "gets another one if it was stopped": ({ pid }) => Deno.kill(pid, "SIGSTOP"),
  "gets another one if it has lost a pump": async ({ pid }) => {
    const pumps = new Deno.Command("pgrep", { args: ["-P", String(pid)] });
    const [pump] = new TextDecoder().decode((await pumps.output()).stdout).split("\n");
    Deno.kill(Number(pump), "SIGKILL");
    while (await isAlive(Number(pump)));
  },
};

for (const host of HOSTS) {
  for (const [what, befall] of Object.entries(FATES)) {
    Deno.test(`a command whose supervisor waited ${what}, under ${host.shell}`, async () => {
      await using waiting = new Waiting();
      const from = new WorkloadFolder(`${waiting.workloadsFolder}/.spare-1`);
      const folder = new WorkloadFolder(`${waiting.workloadsFolder}/c1`);
      Deno.mkdirSync(from.path);
      const options = { ...waiting.common, host, attempt: crypto.randomUUID() };
      const supervisor = new Supervisor({ ...options, folder: from });
      await supervisor.waiting;
      await befall(supervisor);
      Deno.renameSync(from.path, folder.path);
      const handle = { executor: "process", attempt: options.attempt, bootId: host.bootId };
      const source = 'echo "$COMMON, $OWN" && echo "$0" >&2';
      const orders = { source, env: { OWN: `it's\n"$HOME"` }, folder };
      const { logger } = waiting;
      const isStopped = what.includes("stopped");
      const clock = isStopped ? waiting.clock : systemClock;
      const launch = new Launch(
        handle,
        { ...options, folder },
        orders,
        { clock, logger },
        supervisor,
      );
      if (isStopped) await waiting.clock.advance(30_000);
      assertEquals(await launch.ended, { type: "exited", code: 0 });
      const { process } = await launch.started;
      assertEquals(process!.pid === supervisor.pid, what === "runs under it");
      assertEquals(excerptOf(folder, "stdout", 99).text, `for all, it's\n"$HOME"\n`);
      assertEquals(excerptOf(folder, "stderr", 99).text, `${host.shell}\n`);
    });
  }
}

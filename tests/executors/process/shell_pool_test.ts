import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { WorkloadFolder } from "../../../src/workloads/folder.ts";
import { startTimes } from "../../../src/os/processes.ts";
import { isAlive, Workshop } from "../../support/workshop.ts";

const TEMPLATES = { inference: "echo $$" };

Deno.test("as many shells wait as asked for, each in a folder of its own that only its user sees", async () => {
  await using workshop = new Workshop({ templates: TEMPLATES, size: 3 });
  workshop.pool.fill();
  workshop.pool.fill();
  for (let i = 0; i < 3; i++) await workshop.ready.next();
  const names = workshop.folders();
  assertEquals(names.map((name) => name.slice(0, 9)), Array(3).fill(".waiting-"));
  for (const name of names) {
    assertEquals(Deno.statSync(`${workshop.workloadsFolder}/${name}`).mode! & 0o777, 0o700);
  }
  const shells = [workshop.pool.take()!, workshop.pool.take()!, workshop.pool.take()!];
  assertEquals(workshop.pool.take(), undefined);
  assertEquals(new Set(shells.map(({ process }) => process.pid)).size, 3);
  for (const shell of shells) workshop.pool.putBack(shell);
});

Deno.test("a waiting shell is known by its start time and boot, and leads its own group", async () => {
  await using workshop = new Workshop({ templates: TEMPLATES });
  const shell = await workshop.shell();
  const { pid, startTime } = shell.process;
  assertEquals(await startTimes([pid]), new Map([[pid, startTime]]));
  await shell.dismiss();
});

Deno.test("a shell that was put back is the next to be taken", async () => {
  await using workshop = new Workshop({ templates: TEMPLATES, size: 2 });
  const [first, second] = [await workshop.shell(), await workshop.shell()];
  workshop.pool.putBack(second);
  workshop.pool.putBack(first);
  assertEquals(workshop.pool.take(), first);
  workshop.pool.putBack(first);
});

Deno.test("a closed pool leaves no process and no folder", async () => {
  await using workshop = new Workshop({ templates: TEMPLATES, size: 2 });
  const [first, second] = [await workshop.shell(), await workshop.shell()];
  for (const shell of [first, second]) workshop.pool.putBack(shell);
  await workshop.pool.close();
  assertEquals(workshop.folders(), []);
  assertEquals(await startTimes([first.process.pid, second.process.pid]), new Map());
});

Deno.test("closing waits for shells that are just being started", async () => {
  await using workshop = new Workshop({ templates: TEMPLATES, size: 2 });
  workshop.pool.fill();
  await workshop.pool.close();
  assertEquals(workshop.folders(), []);
  workshop.pool.fill();
  assertEquals(workshop.folders(), []);
});

Deno.test("a waiting shell that is killed is replaced, and leaves nothing", async () => {
  await using workshop = new Workshop({ templates: TEMPLATES });
  const shell = await workshop.shell();
  workshop.pool.putBack(shell);
  const { pid } = shell.process;
  Deno.kill(pid, "SIGKILL");
  await workshop.logger.logged("A shell that waited for work was ended; starting another");
  await workshop.ready.next();
  const other = workshop.pool.take()!;
  assertNotEquals(other.process.pid, pid);
  workshop.pool.putBack(other);
  await shell.dismiss();
  assertEquals(workshop.folders().length, 1);
  const members = await groupMembers(pid);
  assertEquals(members, [], "the inner half ends as well");
});

Deno.test("a shell that is killed as soon as it was taken takes its command without complaint, and runs nothing", async () => {
  await using workshop = new Workshop({ templates: TEMPLATES });
  const shell = await workshop.shell();
  Deno.kill(-shell.process.pid, "SIGKILL");
  assertEquals(await shell.exited, { type: "killed", signal: "SIGKILL" });
  const folder = new WorkloadFolder(`${workshop.workloadsFolder}/c1`);
  shell.run(folder, [], {
    kind: "inference",
    inlineBody: true,
    env: { CYBERWAVE_PARAMS_FILE: folder.paramsFile },
  });
  assertEquals(folder.exitFile(), undefined);
});

Deno.test("when it is told that the outer half was killed the inner one takes no command any more", async () => {
  await using workshop = new Workshop({ templates: TEMPLATES });
  const shell = await workshop.shell();
  const { pid } = shell.process;
  Deno.kill(pid, "SIGKILL");
  assertEquals(await shell.exited, { type: "killed", signal: "SIGKILL" });
  assertEquals(await groupMembers(pid), []);
});

Deno.test("folders of shells that an earlier node left waiting are removed, workloads' are not", async () => {
  await using workshop = new Workshop({ templates: TEMPLATES });
  const { workloadsFolder } = workshop;
  for (const name of [".waiting-1", ".waiting-2", "c1", ".hidden"]) {
    Deno.mkdirSync(`${workloadsFolder}/${name}`);
    Deno.writeTextFileSync(`${workloadsFolder}/${name}/file`, "");
  }
  await using _later = new Workshop({ templates: TEMPLATES });
  assertEquals(workshop.folders().length, 4, "only a node with this state folder may");
  const { ShellPool } = await import("../../../src/executors/process/shell_pool.ts");
  new ShellPool({ ...poolOptions(workshop), size: 0 });
  assertEquals(workshop.folders(), [".hidden", "c1"]);
});

Deno.test("when shells cannot be started that is logged and tried again", async () => {
  await using workshop = new Workshop({ templates: TEMPLATES });
  Deno.removeSync(workshop.workloadsFolder);
  workshop.pool.fill();
  const line = await workshop.logger.logged("Cannot start a shell for workloads");
  assert(line.endsWith("; trying again"), line);
  Deno.mkdirSync(workshop.workloadsFolder);
});

Deno.test("the shell is the process that the journal will know", async () => {
  await using workshop = new Workshop({ templates: { inference: "echo $PPID; echo $$" } });
  const { stdout, running } = await workshop.run();
  assertEquals(stdout.split("\n")[0], String(running.process.pid));
  await workshop.pool.close();
  assertEquals(await isAlive(running.process.pid), false);
});

function poolOptions(workshop: Workshop) {
  const { workloadsFolder, workFolder, logger } = workshop;
  return {
    workloadsFolder,
    workFolder,
    logger,
    env: {},
    templates: {},
    host: { bootId: "b", shell: "sh" as const },
    clock: { now: () => 0, monotonic: () => 0, sleep: () => Promise.resolve() },
    onReady: () => {},
  };
}

async function groupMembers(pid: number): Promise<string[]> {
  const { stdout } = await new Deno.Command("ps", { args: ["-A", "-o", "pid=,pgid=,stat="] })
    .output();
  return new TextDecoder().decode(stdout).split("\n").filter((line) => {
    const [, group, state = ""] = line.trim().split(/\s+/);
    return group === String(pid) && !state.startsWith("Z");
  });
}

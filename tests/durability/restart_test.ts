import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { wordFrom } from "../support/files.ts";
import { Gate } from "../support/stage.ts";
import { NodeProcess } from "../support/node_process.ts";
import { isAlive } from "../support/executors.ts";
import { type Sender, World } from "../support/world.ts";

interface Scene extends AsyncDisposable {
  readonly world: World<Awaited<ReturnType<typeof World.start>>["broker"]>;
  readonly gate: Gate;
  readonly node: NodeProcess;
  readonly sender: Sender;
  /** Starts the next node with the same state folder. */
  next(yaml?: Record<string, unknown>): Promise<NodeProcess>;
}

const YAML = {
  inference: `echo at the gate; ${wordFrom("gate")}; echo let through with $word; exit \${word#*-}`,
  training: "true",
};

async function scene(yaml: Record<string, unknown> = {}): Promise<Scene> {
  const stack = new AsyncDisposableStack();
  const world = stack.use(await World.start());
  const gate = await Gate.in(world.folder);
  const next = async (more = {}) =>
    stack.use(await NodeProcess.start(world, { yaml: { ...YAML, ...yaml, ...more } }));
  const node = await next();
  const [identity] = world.backend.instances.values();
  const sender = stack.use(await world.sender(identity));
  return {
    world,
    gate,
    node,
    sender,
    next,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Changes the journal behind the node's back, while none runs. */
function tamper(stateFolder: string, sql: string): void {
  const database = new DatabaseSync(`${stateFolder}/journal.db`);
  database.exec(sql);
  database.close();
}

function pidIn(line: string): number {
  return Number(/process (\d+)/.exec(line)![1]);
}

async function killGroup(pid: number, signal: string): Promise<void> {
  await new Deno.Command("sh", { args: ["-c", `kill -s ${signal} -- -${pid}`] }).output();
}

for (const how of ["SIGKILL", "SIGTERM"] as const) {
  Deno.test(`work goes on after the node's ${how}, and the next node answers for it`, async () => {
    await using test = await scene();
    await test.sender.send({ command: "inference", request_id: "r1" });
    await test.node.logged("at the gate");
    await test.node.kill(how);
    const next = await test.next();
    await test.gate.open("ok-0");
    const reply = await test.sender.reply("r1");
    assertEquals([reply.status, reply.output], ["ok", "at the gate\nlet through with ok-0\n"]);
    await next.logged("inference r1 succeeded");
  });
}

Deno.test("work that ended while no node ran is answered with its true exit code", async () => {
  await using test = await scene();
  await test.sender.send({ command: "inference", request_id: "r1" });
  await test.node.logged("at the gate");
  await test.node.kill();
  await test.gate.open("fails-3");
  await test.next();
  const reply = await test.sender.reply("r1");
  assertEquals([reply.status, reply.error], ["error", "Command failed with code 3"]);
  const { cpu_seconds } = reply.resources!;
  assert(cpu_seconds! >= 0, "what it has used is known as well");
});

/** Has work begin, and kills first the node and then the work. */
async function runAndKill({ sender, node }: Awaited<ReturnType<typeof scene>>): Promise<void> {
  await sender.send({ command: "inference", request_id: "r1" });
  const pid = pidIn(await node.logged("inference r1 started"));
  await node.logged("at the gate");
  await node.kill();
  await killGroup(pid, "KILL");
}

Deno.test("work whose every process was killed meanwhile is reported as killed", async () => {
  await using test = await scene();
  await runAndKill(test);
  await test.next();
  assertStringIncludes((await test.sender.reply("r1")).error!, "killed by signal 9");
});

Deno.test("work that ran before the machine restarted is reported as lost", async () => {
  await using test = await scene();
  await runAndKill(test);
  tamper(
    test.world.stateFolder,
    `UPDATE commands SET boot_id = 'the boot before',
       handle = json_set(handle, '$.bootId', 'x', '$.process.bootId', 'x')`,
  );
  await test.next();
  assertEquals((await test.sender.reply("r1")).error, "Workload lost: the machine was restarted");
});

Deno.test("a process that has the pid of a workload by chance is never taken for it", async () => {
  await using test = await scene();
  await runAndKill(test);
  const stranger = new Deno.Command("sleep", { args: ["1000"], detached: true }).spawn();
  try {
    // It is to be stopped as well: that must not reach the stranger.
    tamper(
      test.world.stateFolder,
      `UPDATE commands SET handle = json_set(handle, '$.process.pid', ${stranger.pid}),
         stop_cause = 'cancelled', stop_signal = 'SIGKILL', stop_at = 0`,
    );
    await test.next();
    assertEquals((await test.sender.reply("r1")).error, "Command was cancelled by SIGKILL");
    assertEquals(await isAlive(stranger.pid), true);
  } finally {
    stranger.kill("SIGKILL");
    await stranger.status;
  }
});

Deno.test("commands sent while no node runs arrive later, and a repeat is not run again", async () => {
  await using test = await scene({ inference: "echo run >>ledger; cat ledger" });
  await test.node.kill();
  for (const id of ["r1", "r2", "r1"]) {
    await test.sender.send({ command: "inference", request_id: id });
  }
  await test.next();
  assertEquals((await test.sender.reply("r1")).output, "run\n");
  assertEquals((await test.sender.reply("r2")).output, "run\nrun\n");
  assertEquals(await Deno.readTextFile(`${test.world.folder}/ledger`), "run\nrun\n");
});

Deno.test("commands that wait survive a crash of the node, in order", async () => {
  await using test = await scene();
  for (const id of ["r1", "r2", "r3"]) {
    await test.sender.send({ command: "inference", request_id: id });
  }
  await test.node.logged("inference r3 waits");
  await test.node.kill();
  await test.next();
  for (const id of ["r1", "r2", "r3"]) {
    await test.gate.open(`${id}-0`);
    assertStringIncludes((await test.sender.reply(id)).output!, `let through with ${id}-0`);
  }
});

Deno.test("a cancellation goes on after a crash: what ignores SIGTERM is killed", async () => {
  await using test = await scene({
    inference: "trap '' TERM; echo at the gate; while :; do sleep 1000; done",
    cancel_grace: 600,
  });
  await test.sender.send({ command: "inference", request_id: "r1" });
  const pid = pidIn(await test.node.logged("inference r1 started"));
  await test.node.logged("at the gate");
  const cancelled = await test.sender.ask({
    command: "cancel",
    request_id: "c1",
    params: { workload_request_id: "r1" },
  });
  assertEquals(JSON.parse(cancelled.output!), {
    message: `Sent SIGTERM to the inference workload with PID ${pid}`,
    pid,
    workload_type: "inference",
    workload_request_id: "r1",
    signal: "SIGTERM",
  });
  await test.node.kill();
  await test.next({ cancel_grace: 0 });
  const ended = "Command was cancelled by SIGTERM, and ended by SIGKILL";
  assertEquals((await test.sender.reply("r1")).error, ended);
  assertEquals(await isAlive(pid), false);
});

Deno.test("a time limit goes on after a crash", async () => {
  await using test = await scene({ timeout: { inference: 1000 } });
  await test.sender.send({ command: "inference", request_id: "r1" });
  await test.node.logged("at the gate");
  await test.node.kill();
  await test.next({ timeout: { inference: 0.2 } });
  assertEquals((await test.sender.reply("r1")).error, "Command timed out after 0.2 s");
});

Deno.test("a clock that jumps back neither runs a command twice nor stops one early", async () => {
  await using test = await scene({ timeout: { inference: 1000 } });
  await test.sender.send({ command: "inference", request_id: "r1" });
  await test.node.logged("at the gate");
  await test.node.kill();
  // As seen from the next node, all of it will happen in ten days.
  tamper(
    test.world.stateFolder,
    "UPDATE commands SET accepted_at = accepted_at + 864000000, started_at = started_at + 864000000",
  );
  const next = await test.next();
  await test.sender.send({ command: "inference", request_id: "r1" });
  await next.logged("inference r1 was sent again while it is running");
  await test.gate.open("ok-0");
  assertEquals((await test.sender.reply("r1")).output, "at the gate\nlet through with ok-0\n");
  await test.sender.send({ command: "inference", request_id: "r1" });
  await next.logged("sending its stored reply");
  assertEquals((await test.sender.reply("r1")).output, "at the gate\nlet through with ok-0\n");
});

Deno.test("a damaged journal is set aside with a loud warning, and the node starts", async () => {
  await using test = await scene();
  await test.node.kill();
  await Deno.remove(`${test.world.stateFolder}/journal.db-wal`);
  await Deno.writeTextFile(`${test.world.stateFolder}/journal.db`, "no database".repeat(1000));
  const next = await test.next();
  assertStringIncludes(await next.logged("is damaged"), "ERROR");
  const names = [...Deno.readDirSync(test.world.stateFolder)].map(({ name }) => name);
  assertEquals(names.filter((name) => name.startsWith("journal.db.damaged-")).length > 0, true);
  assertEquals((await test.sender.ask({ command: "training", request_id: "t1" })).status, "ok");
});

Deno.test("a second node with the same state folder exits with 5 and names the first", async () => {
  await using test = await scene();
  await using second = await NodeProcess.spawn(test.world, { yaml: YAML });
  await second.logged(`Another node (process ${test.node.pid})`);
  assertEquals((await second.ended).code, 5);
});

Deno.test("SIGQUIT finishes and answers what was accepted, and turns away the rest", async () => {
  await using test = await scene();
  await test.sender.send({ command: "inference", request_id: "r1" });
  await test.sender.send({ command: "inference", request_id: "r2" });
  await test.node.logged("inference r2 waits");
  const ended = test.node.kill("SIGQUIT");
  await test.node.logged("Draining");
  const refused = await test.sender.ask({ command: "training", request_id: "t1" });
  assertStringIncludes(refused.error!, "takes no new commands");
  await test.gate.open("a-0");
  assertEquals((await test.sender.reply("r1")).status, "ok");
  // Not before: r1 would take the word with it while it still has the gate open.
  await test.gate.open("b-0");
  assertEquals((await test.sender.reply("r2")).status, "ok");
  assertEquals((await ended).code, 0);
});

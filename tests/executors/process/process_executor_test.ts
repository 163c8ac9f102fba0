import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  ProcessExecutor,
  type ProcessExecutorOptions,
} from "../../../src/executors/process/process_executor.ts";
import { listProcesses } from "../../../src/os/processes.ts";
import { systemClock } from "../../../src/time.ts";
import { WorkloadFolder } from "../../../src/workloads/folder.ts";
import { FakeClock } from "../../support/clock.ts";
import { Bench, fileWritten, HOST, HOSTS, isAlive } from "../../support/executors.ts";

const PATH = Deno.env.get("PATH")!;

/** A place for commands that run `template`. */
function benchFor(template: string, options: Partial<ProcessExecutorOptions> = {}): Bench {
  return new Bench(({ workFolder, logger }) =>
    new ProcessExecutor({
      templates: { inference: template },
      env: { PATH },
      workFolder,
      host: HOST,
      clock: systemClock,
      logger,
      ...options,
    })
  );
}

/** The pid that a workload has written to the file `name` in its folder. */
async function pidIn(bench: Bench, name: string): Promise<number> {
  return Number(await fileWritten(`${bench.workFolder}/${name}`));
}

const WAIT = "exec tail -f /dev/null";

/** Shell source that has `pid` written by the process that it becomes. */
const tell = (name = "pid") => `echo $$ >${name}.new; mv ${name}.new ${name}; ${WAIT}`;

Deno.test("stopping reaches whatever a workload has started, wherever that went", async (t) => {
  const table: [what: string, template: string][] = [
    ["its own shell", tell()],
    ["a program in its place without an environment", `exec env -i PATH="$PATH" sh -c '${tell()}'`],
    ["a program under timeout(1), which leaves the group", `timeout 90 sh -c '${tell()}'`],
    ["a job of its own", `set -m; sh -c '${tell()}' & wait`],
    ["a session of its own", `setsid -w sh -c '${tell()}'`],
    ["a daemon", `setsid -f sh -c '${tell()}'; ${WAIT}`],
    ["a daemon without an environment", `(env -i PATH="$PATH" sh -c '${tell()}' &); ${WAIT}`],
    [
      "a daemon without an environment, in a session of its own, that can still print",
      `(env -i PATH="$PATH" setsid sh -c '${tell()}' &); ${WAIT}`,
    ],
    ["a daemon that outlives its shell", `setsid -f sh -c '${tell()}' >/dev/null 2>&1; sleep 0.05`],
    ["what takes no notice", `setsid sh -c 'trap "" TERM; ${tell()}' & ${WAIT}`],
  ];
  for (const [what, template] of table) {
    await t.step(what, async () => {
      await using bench = benchFor(template);
      const { execution } = bench.start();
      const pid = await pidIn(bench, "pid");
      execution.stop("SIGTERM");
      if (what === "what takes no notice") execution.stop("SIGKILL");
      const exit = await execution.exit;
      assert(exit.type === "exited" || exit.type === "killed", JSON.stringify(exit));
      if (what !== "a daemon that outlives its shell") assertEquals(await isAlive(pid), false);
      assertEquals(exit.survivors, undefined);
    });
  }
});

Deno.test("an end that was asked for is not reported while anything lives", async () => {
  await using bench = benchFor(`setsid sh -c 'trap "" TERM; ${tell()}' & ${WAIT}`);
  const { execution } = bench.start();
  const pid = await pidIn(bench, "pid");
  execution.stop("SIGTERM");
  const early = await Promise.race([execution.exit, systemClock.sleep(600)]);
  assertEquals([early, await isAlive(pid)], [undefined, true]);
  execution.stop("SIGKILL");
  await execution.exit;
  assertEquals(await isAlive(pid), false);
});

Deno.test("whoever kills a supervisor ends all of the workload, which was killed", async () => {
  await using bench = benchFor(`sh -c '${tell("child")}' & ${tell()}`);
  const { execution } = bench.start();
  const pids = [await pidIn(bench, "pid"), await pidIn(bench, "child")];
  Deno.kill(execution.pid!, "SIGKILL");
  assertEquals(await execution.exit, { type: "killed", signal: "SIGKILL" });
  assertEquals(await Promise.all(pids.map(isAlive)), [false, false]);
});

Deno.test("a workload that kills its whole group was killed", async () => {
  await using bench = benchFor("kill -s KILL 0");
  assertEquals((await bench.run()).exit, { type: "killed", signal: "SIGKILL" });
});

Deno.test("pumps that are killed start again, and the workload goes on", async () => {
  const template = "pkill -KILL -P $PPID -x dd; pkill -KILL -x dd -s 0; echo more; echo err >&2";
  await using bench = benchFor(template);
  const { exit, stdout, stderr } = await bench.run();
  assertEquals({ exit, stdout, stderr }, {
    exit: { type: "exited", code: 0 },
    stdout: "more\n",
    stderr: "err\n",
  });
});

/** Puts a script in place of a program while `body` runs. */
async function withProgram(
  name: string,
  script: string,
  body: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "cloud_node_program_" });
  Deno.writeTextFileSync(`${folder}/${name}`, `#!/bin/sh\ncd ${folder}\n${script}\n`, {
    mode: 0o755,
  });
  Deno.env.set("PATH", `${folder}:${PATH}`);
  try {
    await body(folder);
  } finally {
    Deno.env.set("PATH", PATH);
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("output that could not be written is said to be missing", async () => {
  const failing = `PATH=\${PATH#*:}; mkdir first 2>/dev/null || exec dd "$@"
    dd bs=9 count=1 of=/dev/null; mkdir failed; exit 1`;
  await withProgram("dd", failing, async (folder) => {
    await using bench = benchFor(`echo lost; until [ -d ${folder}/failed ]; do :; done; echo more`);
    assertEquals(await bench.run(), {
      exit: { type: "exited", code: 0 },
      stdout: "l\n[... some output is missing: it could not be written ...]\nmore\n",
      stderr: "",
    });
  });
});

const REAL_SETSID = `cd "$OLDPWD"; PATH=\${PATH#*:}; exec setsid "$@"`;

Deno.test("a supervisor that is killed before it begins is started again", async () => {
  await using bench = benchFor("echo ran");
  await bench.run();
  await withProgram(
    "setsid",
    `mkdir first 2>/dev/null && kill -s KILL $$\n${REAL_SETSID}`,
    async () => {
      const { exit, stdout } = await bench.run();
      assertEquals([exit, stdout], [{ type: "exited", code: 0 }, "ran\n"]);
    },
  );
  await withProgram("setsid", "kill -s KILL $$", async () => {
    const { exit } = await bench.run();
    assert(exit.type === "not_started");
    assertMatch(exit.why, /was killed by SIGKILL before it started/);
  });
});

for (const host of HOSTS) {
  Deno.test(`a supervisor whose node has ended begins under ${host.shell}`, async () => {
    await using bench = benchFor("echo ran >ran", { host });
    // Nobody reads its reports.
    await withProgram("setsid", `mkfifo p; : <p & exec >p; wait; ${REAL_SETSID}`, async () => {
      const { execution } = bench.start();
      await execution.exit;
      assertEquals(Deno.readTextFileSync(`${bench.workFolder}/ran`), "ran\n");
    });
  });
}

Deno.test("a supervisor that is late finds its attempt taken, and runs nothing", async () => {
  await using bench = benchFor("echo ran >ran");
  await bench.run();
  Deno.removeSync(`${bench.workFolder}/ran`);
  await new Deno.Command("mkfifo", { args: [`${bench.folder}/go`] }).output();
  await withProgram("setsid", `read line <${bench.folder}/go\n${REAL_SETSID}`, async () => {
    const { execution, folder } = bench.start();
    const later = new ProcessExecutor({
      templates: {},
      env: {},
      workFolder: bench.workFolder,
      host: HOST,
      clock: systemClock,
      logger: bench.logger,
    });
    assertEquals(await later.recover(execution.handle, folder), { type: "not_started" });
    Deno.writeTextFileSync(`${bench.folder}/go`, "\n");
    assertEquals((await execution.exit).type, "not_started");
    assertEquals([...Deno.readDirSync(bench.workFolder)], []);
  });
});

for (const host of HOSTS) {
  Deno.test(`output is bounded under ${host.shell}: the middle is missing, and how much`, async () => {
    const template = "head -c 20000000 /dev/zero | tr '\\0' a; printf end; echo short >&2";
    await using bench = benchFor(template, { host, maxOutputFiles: 1 << 20 });
    const { exit, stdout, stderr } = await bench.run();
    assertEquals([exit, stderr], [{ type: "exited", code: 0 }, "short\n"]);
    const [, head, missing, tail] = /^(a+)\n\[\.\.\. (\d+) bytes are missing: .*\]\n(a+end)$/
      .exec(stdout)!;
    assertEquals(head!.length + Number(missing) + tail!.length, 20_000_003);
    assert(head!.length > 400_000 && tail!.length > 100_000 && stdout.length <= 1 << 20);
  });
}

Deno.test("output that fits is whole, whatever its head and tail are", async () => {
  await using bench = benchFor("seq 1 9000", { maxOutputFiles: 64 * 1024 });
  const { stdout } = await bench.run();
  assertEquals(stdout, Array.from({ length: 9000 }, (_, index) => `${index + 1}\n`).join(""));
});

Deno.test("output is in its file at once", async () => {
  await using bench = benchFor("echo one; echo two >&2; exec tail -f /dev/null");
  const { execution, folder } = bench.start();
  assertEquals(await fileWritten(folder.outputFile("stdout")), "one\n");
  assertEquals(await fileWritten(folder.outputFile("stderr")), "two\n");
  execution.stop("SIGKILL");
  await execution.exit;
});

Deno.test("what runs on and holds the output delays the end by a second", async () => {
  const clock = new FakeClock();
  await using bench = benchFor(`sh -c '${tell()}' & exit 3`, { clock });
  const { execution } = bench.start();
  await clock.sleepingFor(1_000);
  await clock.advance(1_000);
  assertEquals(await execution.exit, { type: "exited", code: 3 });
  assertEquals(await isAlive(await pidIn(bench, "pid")), true);
});

Deno.test("how a workload ended is seen, whatever becomes of its folder", async () => {
  await using bench = benchFor(`rm -rf "\${CYBERWAVE_PARAMS_FILE%/*}"; exit 3`);
  const { execution, folder } = bench.start();
  assertEquals(await execution.exit, { type: "exited", code: 3 });
  const recovered = await bench.executor.recover(await execution.started, folder);
  assertEquals(recovered, {
    type: "ended",
    exit: { type: "lost", why: "its folder was removed" },
  });
});

Deno.test("a start whose folder was removed is lost, and never made again", async () => {
  await using bench = benchFor("true");
  const { handle } = bench.reserve({ id: "c", kind: "inference" });
  const recovered = await bench.executor.recover(handle, new WorkloadFolder(`${bench.folder}/no`));
  assertEquals(recovered, {
    type: "ended",
    exit: { type: "lost", why: "its folder was removed" },
  });
});

Deno.test("a workload may put anything in place of its files", async () => {
  const template = `cd "\${CYBERWAVE_PARAMS_FILE%/*}"
    for file in *; do rm -rf "$file"; mkfifo "$file"; done; sleep 0.05; exit 4`;
  await using bench = benchFor(template);
  const { execution, folder } = bench.start();
  assertEquals(await execution.exit, { type: "exited", code: 4 });
  const recovered = await bench.executor.recover(await execution.started, folder);
  // A pipe in place of its claim says no more than that it began.
  assertEquals(recovered, { type: "ended", exit: { type: "killed", signal: "SIGKILL" } });
});

Deno.test("a pump does not wait for whoever reads what stands in place of its file", async () => {
  const template = `cd "\${CYBERWAVE_PARAMS_FILE%/*}" && rm std*.log && mkfifo stdout.log stderr.log
    echo "$CYBERWAVE_ATTEMPT" >"$OLDPWD/attempt"; echo out; echo err >&2`;
  await using bench = benchFor(template);
  assertEquals(await bench.run(), { exit: { type: "exited", code: 0 }, stdout: "", stderr: "" });
  const attempt = (await fileWritten(`${bench.workFolder}/attempt`)).trim();
  const { holding: [pumps] } = await listProcesses([`cloud_node_claim=${attempt}`]);
  assertEquals([...pumps!], []);
});

Deno.test("a workload that kills its supervisor and removes its claim is not run again", async () => {
  const template =
    `echo ran >>ran; cd "\${CYBERWAVE_PARAMS_FILE%/*}"; rm claim-*; kill -KILL $PPID`;
  await using bench = benchFor(template);
  const { execution } = bench.start();
  // All that is to be learnt about it arrives at once.
  new Deno.Command("sleep", { args: ["0.3"] }).outputSync();
  assertEquals(await execution.exit, { type: "killed", signal: "SIGKILL" });
  assertEquals(Deno.readTextFileSync(`${bench.workFolder}/ran`), "ran\n");
});

/** Has two supervisors wait for commands. */
const withSpares = (template: string) =>
  new Bench(({ workFolder, workloadsFolder, logger }) =>
    new ProcessExecutor({
      templates: { inference: template },
      env: { PATH },
      workFolder,
      host: HOST,
      clock: systemClock,
      logger,
      spares: { workloadsFolder, count: 2 },
    })
  );

/** The pids of the two supervisors that wait for commands, once both have their pumps. */
async function sparesIn({ workloadsFolder }: Bench): Promise<number[]> {
  for (;;) {
    const attempts = Array.from(Deno.readDirSync(workloadsFolder), ({ name }) => name)
      .filter((name) => name.startsWith(".spare-")).map((name) => name.slice(7));
    const texts = attempts.map((attempt) => `cloud_node_claim=${attempt}`);
    const { processes, holding } = await listProcesses(texts);
    const complete = holding.filter(({ size }) => size === 3);
    const leaders = processes.filter(({ pid, session }) =>
      pid === session && complete.some((pids) => pids.has(pid))
    );
    if (leaders.length === 2) return leaders.map(({ pid }) => pid);
  }
}

Deno.test("a command runs under a supervisor that waited, in a folder made for it", async () => {
  await using bench = withSpares("echo $PPID");
  await bench.run();
  const pids = await sparesIn(bench);
  const folder = bench.nextFolder();
  folder.create();
  const { stdout } = await bench.run({ folder });
  assert(pids.includes(Number(stdout)), `${stdout} is none of ${pids}`);
});

Deno.test("a command runs, whatever became of the folders of supervisors that wait", async () => {
  await using bench = withSpares("pwd -P; ls");
  await bench.run();
  await sparesIn(bench);
  Deno.renameSync(bench.workFolder, `${bench.workFolder}.old`);
  Deno.mkdirSync(bench.workFolder);
  Deno.writeTextFileSync(`${bench.workFolder}/new`, "");
  assertEquals((await bench.run()).stdout, `${bench.workFolder}\nnew\n`);
  await sparesIn(bench);
  Deno.removeSync(bench.workloadsFolder, { recursive: true });
  assertEquals((await bench.run()).exit, { type: "exited", code: 0 });
});

Deno.test("nothing of a command is in another command line, and no secret in any", async () => {
  const template = `: ACCIDENT; for file in /proc/[0-9]*/cmdline; do
    tr '\\0' ' ' <"$file" | sed "s|^|\${file#/proc/} |"; echo; done 2>/dev/null >lines`;
  await using bench = benchFor(template, { env: { PATH, LD_TOKEN: "se-cret", TOKEN: "se-cret" } });
  const { exit } = await bench.run({ params: `{"x":"par-am"}`, env: { OWN: "se-cret" } });
  assertEquals(exit, { type: "exited", code: 0 });
  const lines = Deno.readTextFileSync(`${bench.workFolder}/lines`).split("\n");
  assertEquals(lines.filter((line) => /se-cret|par-am/.test(line)), []);
  const carriers = lines.filter((line) => line.includes("ACCIDENT"));
  assert(carriers.length > 0 && carriers.every((line) => / bash -c : ACCIDENT/.test(line)));
  assert(lines.some((line) => line.includes("cyberwave-workload")));
});

Deno.test("an executor that has nothing to do has no processes", async () => {
  await using _bench = benchFor("true");
  const children = new Deno.Command("ps", { args: ["--ppid", String(Deno.pid), "-o", "args="] });
  const lines = new TextDecoder().decode((await children.output()).stdout).split("\n");
  assertEquals(lines.filter((line) => line !== "" && !/\bps /.test(line)), []);
});

Deno.test("limits and signals are those the node was started with", async () => {
  const template = "ulimit -S -n; umask; kill -s HUP $$; echo survived";
  const host = { ...HOST, openFiles: 333, umask: "0027", ignoresHangup: true };
  await using bench = benchFor(template, { host });
  assertEquals((await bench.run()).stdout, "333\n0027\nsurvived\n");
});

for (const host of HOSTS) {
  Deno.test(`paths may be long and hold line breaks under ${host.shell}`, async () => {
    const base = Deno.makeTempDirSync({ prefix: "cloud_node_paths_" });
    const long = `${base}/it's a "$(touch no)"\n${"x".repeat(200)}/${"y".repeat(200)}/${
      "z".repeat(200)
    }`;
    Deno.mkdirSync(`${long}/work`, { recursive: true });
    await using bench = benchFor("pwd; cat {body_file}", { host, workFolder: `${long}/work` });
    const folder = new WorkloadFolder(`${long}/c1`);
    const { exit, stdout } = await bench.run({ folder, params: "[1]" });
    assertEquals([exit, stdout], [{ type: "exited", code: 0 }, `${long}/work\n[1]`]);
    Deno.removeSync(base, { recursive: true });
  });
}

Deno.test("what cannot be started says why", async () => {
  await using bench = benchFor("true", { workFolder: "/nonexistent/folder" });
  const { exit } = await bench.run();
  assert(exit.type === "not_started");
  assertMatch(exit.why, /\/nonexistent\/folder|No such/i);
  const { exit: other } = await bench.run({ kind: "training" });
  assertEquals(other, { type: "not_started", why: "there is no template for training" });
  const folder = new WorkloadFolder("/proc/nonexistent/c1");
  assertEquals((await bench.run({ folder })).exit.type, "not_started");
});

Deno.test("params over the limit of a variable come as a file", async () => {
  await using bench = benchFor("printf '%s ' {body} {body_file}; wc -c <{body}");
  const params = JSON.stringify("x".repeat(200_000));
  const { stdout } = await bench.run({ params });
  const [body, file, size] = stdout.trim().split(" ");
  assertEquals([body, size], [file, "200002"]);
  assertMatch(bench.logger.shown.join("\n"), /so {body} is the path of a file/);
});

Deno.test("the age of a workload is measured by the clock of the boot", async () => {
  const before = performance.now();
  await using bench = benchFor(tell());
  const { execution, folder } = bench.start();
  await pidIn(bench, "pid");
  // As after a synchronization of the clock, which had been years off.
  const clock = new FakeClock(Date.parse("2031-01-01"));
  const later = new ProcessExecutor({
    templates: {},
    env: {},
    workFolder: bench.workFolder,
    host: HOST,
    clock,
    logger: bench.logger,
  });
  const recovered = await later.recover(await execution.started, folder);
  assert(recovered.type === "running");
  // Where only ps tells, it tells whole seconds.
  assert(recovered.execution.ageMs <= performance.now() - before + 1_000);
  await clock.advance(5_000);
  assert(recovered.execution.ageMs >= 5_000);
  recovered.execution.detach();
  execution.stop("SIGKILL");
  await execution.exit;
});

Deno.test("variables that cannot be handed on are named once", async () => {
  await using bench = benchFor("true", { host: { ...HOST, unreadable: ["BAD", "WORSE"] } });
  await bench.run();
  const warnings = bench.logger.shown.filter((line) => line.includes("UTF-8"));
  assertEquals(warnings.length, 1);
  assertMatch(warnings[0]!, /BAD, WORSE/);
});

Deno.test("200 commands start at once", async () => {
  await using bench = benchFor("printf %s {body}");
  const started = Array.from({ length: 200 }, (_, number) => bench.start({ params: `${number}` }));
  const ended = await Promise.all(started.map((each) => bench.ended(each)));
  assertEquals(ended.map(({ stdout }) => stdout), ended.map((_, number) => `${number}`));
  assert(ended.every(({ exit }) => exit.type === "exited" && exit.code === 0));
});

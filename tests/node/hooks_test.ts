import { assertEquals } from "@std/assert";
import type { CommandInfo } from "../../src/commands/command.ts";
import type { Outcome } from "../../src/commands/outcome.ts";
import { NodeEvents } from "../../src/node/events.ts";
import { Hooks, type HookSettings } from "../../src/node/hooks.ts";
import { FakeClock } from "../support/clock.ts";
import { Inbox, RecordingLogger } from "../support/events.ts";
import { fileWritten } from "../support/files.ts";
import { NodeProcess } from "../support/node_process.ts";
import { Gate } from "../support/stage.ts";
import { World } from "../support/world.ts";

const COMMAND: CommandInfo = {
  id: "01jdr",
  kind: "inference",
  requestId: "r1",
  workloadUuid: undefined,
};
const FAILED: Outcome = {
  status: "error",
  source: "stderr",
  fallback: "",
  end: { cause: "exited", exitCode: 1 },
};

/** One that was started, and how to let it end. */
interface StartedHook {
  readonly source: string;
  readonly event: Record<string, unknown>;
  end(): void;
}

class HooksTest implements Disposable {
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly events = new NodeEvents(this.logger);
  readonly started = new Inbox<StartedHook>();
  readonly hooks: Hooks;

  constructor(settings: Partial<HookSettings>) {
    this.hooks = new Hooks({
      settings: {
        ...{ onWorkloadEnd: undefined, onDisconnect: undefined, onDisconnectAfter: 300 },
        ...{ onUnhealthy: undefined },
        ...settings,
      },
      events: this.events,
      clock: this.clock,
      logger: this.logger,
      identity: () => ({ uuid: "u-1", slug: "my-node" }),
      run: (_name, source, event) =>
        new Promise((end) => {
          this.started.push({ source, event: event as Record<string, unknown>, end });
        }),
    });
  }

  [Symbol.dispose](): void {
    this.hooks[Symbol.dispose]();
  }
}

Deno.test("hooks: the end of a workload, with how it ended", async () => {
  using test = new HooksTest({ onWorkloadEnd: "notify" });
  test.events.emit("ended", { command: COMMAND, outcome: FAILED, seconds: 1.5 });
  const { source, event } = await test.started.next();
  assertEquals(source, "notify");
  assertEquals(event, {
    event: "workload_end",
    at: "2025-01-01T00:00:00.000Z",
    node: { uuid: "u-1", slug: "my-node" },
    workload: {
      ...{ id: "01jdr", kind: "inference", request_id: "r1", workload_uuid: null },
      ...{
        outcome: "error",
        cause: "exited",
        exit_code: 1,
        signal: null,
        duration_s: 1.5,
        resources: null,
      },
    },
  });
});

Deno.test("hooks: two at a time, a thousand wait, and what does not fit is said once", async () => {
  using test = new HooksTest({ onWorkloadEnd: "notify" });
  for (let i = 0; i < 1_010; i++) {
    test.events.emit("ended", { command: COMMAND, outcome: FAILED, seconds: i });
  }
  assertEquals(test.started.all.length, 2);
  assertEquals(test.logger.lines.all.length, 1);
  for (let i = 0; i < 1_002; i++) (await test.started.next()).end();
  await test.clock.advance(0);
  assertEquals(test.started.all.length, 1_002);
});

Deno.test("hooks: a broker that stays away is told once, one that comes back in time is not", async () => {
  using test = new HooksTest({ onDisconnect: "page", onDisconnectAfter: 60 });
  test.events.emit("connection", { isConnected: false });
  await test.clock.advance(59_000);
  test.events.emit("connection", { isConnected: true });
  await test.clock.advance(600_000);
  assertEquals(test.started.all, []);
  test.events.emit("connection", { isConnected: false });
  await test.clock.advance(600_000);
  const { event } = await test.started.next();
  const { event: name, seconds, since } = event;
  assertEquals([name, seconds, since], ["disconnect", 60, "2025-01-01T00:10:59.000Z"]);
  assertEquals(test.started.all.length, 1);
});

Deno.test("hooks: a broker that is not there from the start is told as well", async () => {
  using test = new HooksTest({ onDisconnect: "page", onDisconnectAfter: 60 });
  await test.clock.advance(59_000);
  assertEquals(test.started.all, []);
  await test.clock.advance(1_000);
  assertEquals((await test.started.next()).event.since, "2025-01-01T00:00:00.000Z");
});

Deno.test("hooks: what serves a kind of command fails, or is unhealthy", async () => {
  using test = new HooksTest({ onUnhealthy: "page" });
  for (const state of ["starting", "ready", "unhealthy", "ready", "failed"] as const) {
    test.events.emit("executor", { kind: "inference", state, reason: `it is ${state}` });
  }
  const { event: first } = await test.started.next();
  assertEquals(
    [first.event, first.kind, first.state, first.reason],
    ["unhealthy", "inference", "unhealthy", "it is unhealthy"],
  );
  assertEquals((await test.started.next()).event.state, "failed");
  assertEquals(test.started.all.length, 2);
});

Deno.test("hooks: one that fails again and again is told once, until it was ready", async () => {
  using test = new HooksTest({ onUnhealthy: "page" });
  const states = ["failed", "starting", "failed", "starting", "failed", "ready", "failed"] as const;
  for (const state of states) test.events.emit("executor", { kind: "inference", state });
  test.events.emit("executor", { kind: "training", state: "failed" });
  const first = await test.started.next();
  const second = await test.started.next();
  first.end();
  second.end();
  const { event } = await test.started.next();
  assertEquals([first.event.kind, second.event.kind, event.kind], [
    "inference",
    "inference",
    "training",
  ]);
  assertEquals(test.started.all.length, 3);
});

Deno.test("hooks: once disposed, nothing is started any more", async () => {
  const test = new HooksTest({ onDisconnect: "page", onWorkloadEnd: "notify" });
  for (const _ of [1, 2, 3]) {
    test.events.emit("ended", { command: COMMAND, outcome: FAILED, seconds: 1 });
  }
  test.events.emit("connection", { isConnected: false });
  test[Symbol.dispose]();
  for (const { end } of test.started.all) end();
  await test.clock.advance(600_000);
  assertEquals(test.started.all.length, 2);
});

Deno.test("hooks: that of the last command goes on when the node has ended, whatever it prints", async () => {
  await using world = await World.start();
  const gate = await Gate.in(world.folder);
  const hook = `${gate.template} >&2; echo more >&2; echo more; cat > told.tmp; mv told.tmp told`;
  await using node = await NodeProcess.spawn(world, {
    yaml: { inference: "true", on_workload_end: hook },
    args: ["--once"],
  });
  await node.logged("is ready");
  const [identity] = world.backend.instances.values();
  await using sender = await world.sender(identity!);
  await sender.ask({ command: "inference", request_id: "r1" });
  assertEquals((await node.ended).code, 0);
  await gate.open("you");
  const event = JSON.parse(await fileWritten(`${world.folder}/told`));
  assertEquals(event.workload.request_id, "r1");
});

Deno.test("hooks: a node runs them, and they have no token", async () => {
  await using world = await World.start();
  const onWorkloadEnd =
    'cat > event.json; echo "${CYBERWAVE_API_TOKEN-none}" > token.tmp; mv token.tmp token';
  await using local = await world.runNode({ inference: "exit 7", onWorkloadEnd });
  await using sender = await world.sender(local.identity);
  await sender.ask({ command: "inference", request_id: "r1" });
  while (!await Deno.lstat(`${world.folder}/token`).then(() => true, () => false));
  const { node, workload } = JSON.parse(await Deno.readTextFile(`${world.folder}/event.json`));
  assertEquals(node.uuid, local.identity.uuid);
  assertEquals([workload.request_id, workload.exit_code], ["r1", 7]);
  assertEquals(await Deno.readTextFile(`${world.folder}/token`), "none\n");
});

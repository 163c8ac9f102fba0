import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  type KnownWorkload,
  reasonToStop,
  type WorkloadDirectory,
} from "../../src/commands/recheck.ts";
import { FakeClock } from "../support/clock.ts";
import { Commands, type CommandsOptions } from "../support/commands.ts";
import { ScriptedExecutor } from "../support/scripted.ts";

const OWN = ["u-1", "u-0"];
const REASONS: readonly [status: string, instance: string | undefined, why: string | undefined][] =
  [
    ["completed", "u-1", "has it as completed"],
    ["failed", "u-1", "has it as failed"],
    ["cancelled", "u-1", "has it as cancelled"],
    ["cancelled", "u-2", "has it as cancelled"],
    ["running", "u-2", "has given it to another node"],
    ["pending", "u-2", "has given it to another node"],
    ["running", "u-1", undefined],
    ["running", "u-0", undefined],
    ["finalizing", "u-1", undefined],
    ["pending", undefined, undefined],
    ["something new", "u-1", undefined],
  ];

for (const [status, instanceUuid, why] of REASONS) {
  const where = instanceUuid === undefined ? "without an instance" : `at instance ${instanceUuid}`;
  Deno.test(`a workload that is ${status} ${where} is ${why ? "stopped" : "kept"}`, () => {
    assertEquals(reasonToStop({ status, instanceUuid }, OWN), why);
  });
}

Deno.test("a workload that the platform does not know is stopped", () => {
  assertEquals(reasonToStop(undefined, OWN), "no longer knows it");
});

const W1 = { workload_uuid: "w-1" };
const W2 = { workload_uuid: "w-2" };

/** A platform whose workloads are as a test says; each that it says nothing about runs here. */
class Platform implements WorkloadDirectory {
  readonly asked: string[] = [];
  readonly known = new Map<string, Promise<KnownWorkload | undefined>>();

  workload(uuid: string): Promise<KnownWorkload | undefined> {
    this.asked.push(uuid);
    return this.known.get(uuid) ?? Promise.resolve({ status: "running", instanceUuid: "u-1" });
  }

  has(uuid: string, status: string, instanceUuid = "u-1"): void {
    this.known.set(uuid, Promise.resolve({ status, instanceUuid }));
  }

  forgets(uuid: string): void {
    this.known.set(uuid, Promise.resolve(undefined));
  }
}

class Scene implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly platform = new Platform();
  readonly executor = new ScriptedExecutor();
  readonly stopping = new AbortController();
  #commands!: Commands;

  static async begin(options: Partial<CommandsOptions> = {}): Promise<Scene> {
    const scene = new Scene();
    const { clock, platform: directory, executor } = scene;
    const kinds = { inference: "a", training: "b", simulate: "c" };
    scene.#commands = await Commands.start({ ...kinds, clock, directory, executor, ...options });
    return scene;
  }

  get test(): Commands {
    return this.#commands;
  }

  /** Runs a command of the platform. */
  async run(id: string, params: Record<string, unknown>, kind = "inference") {
    await this.test.run(id, params, kind);
    return await this.executor.executions.next();
  }

  /** A heartbeat after so many seconds. */
  async heartbeatAfter(seconds: number): Promise<void> {
    await this.clock.advance(seconds * 1_000);
    await this.test.parts.recheck.atHeartbeat(this.stopping.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.test[Symbol.asyncDispose]();
  }
}

const GIVEN_UP: readonly [how: string, giveUp: (platform: Platform) => void][] = [
  ["cancelled", (platform) => platform.has("w-1", "cancelled")],
  ["failed", (platform) => platform.has("w-1", "failed")],
  ["given to another node", (platform) => platform.has("w-1", "running", "u-2")],
  ["forgotten", (platform) => platform.forgets("w-1")],
];

for (const [how, giveUp] of GIVEN_UP) {
  Deno.test(`what the platform has ${how} is stopped at a heartbeat, and no other`, async () => {
    await using scene = await Scene.begin();
    const given = await scene.run("r1", W1);
    const kept = await scene.run("r2", W2, "training");
    await scene.run("r3", {}, "simulate");
    await scene.heartbeatAfter(0);
    giveUp(scene.platform);
    await scene.heartbeatAfter(30);
    assertEquals(scene.platform.asked, ["w-1", "w-2"]);
    assertEquals([given.signals.all, kept.signals.all], [["SIGTERM"], []]);
    // It is not asked about, or stopped, again.
    await scene.heartbeatAfter(5);
    assertEquals([scene.platform.asked.length, given.signals.all.length], [3, 1]);
  });

  Deno.test(`what the platform has ${how} is no reason to refuse another: it waits for its end`, async () => {
    await using scene = await Scene.begin();
    const given = await scene.run("r1", W1);
    giveUp(scene.platform);
    await scene.test.run("r2", W2);
    assertEquals([given.signals.all, scene.test.statusNames("w-2")], [["SIGTERM"], []]);
    // There is room for one, not for two.
    await scene.test.run("r3", { workload_uuid: "w-3" });
    assertEquals((await scene.test.reply("r3")).error, "Busy: 1 of 1 running, 1 queued");
    given.end({ type: "killed", signal: "SIGTERM" });
    (await scene.executor.executions.next()).end();
    assertEquals((await scene.test.reply("r2")).status, "ok");
  });
}

Deno.test("what waits and is given up is taken out of the queue", async () => {
  await using scene = await Scene.begin({ queuePlatformWorkloads: true });
  await scene.run("r1", W1);
  await scene.test.run("r2", W2);
  await scene.heartbeatAfter(0);
  scene.platform.forgets("w-2");
  await scene.heartbeatAfter(30);
  assertStringIncludes((await scene.test.reply("r2")).error!, "no longer wants it");
  assertEquals(scene.test.parts.queue.lane("inference").queued, 0);
});

Deno.test("a workload that has just come is not asked about at a heartbeat", async () => {
  await using scene = await Scene.begin();
  scene.platform.forgets("w-1");
  const execution = await scene.run("r1", W1);
  await scene.heartbeatAfter(0);
  await scene.heartbeatAfter(4);
  assertEquals(scene.platform.asked, []);
  await scene.heartbeatAfter(1);
  assertEquals(execution.signals.all, ["SIGTERM"]);
});

Deno.test("a workload that has reported its own success gets 10 s to end", async () => {
  await using scene = await Scene.begin();
  const execution = await scene.run("r1", W1);
  await scene.heartbeatAfter(0);
  scene.platform.has("w-1", "completed");
  await scene.test.run("r2", W2);
  assertEquals((await scene.test.reply("r2")).error, "Busy: 1 of 1 running, 0 queued");
  await scene.heartbeatAfter(9);
  assertEquals(execution.signals.all, []);
  await scene.heartbeatAfter(1);
  assertEquals(execution.signals.all, ["SIGTERM"]);
});

Deno.test("at the start everything is asked about, and stopped at once", async () => {
  await using scene = await Scene.begin();
  const execution = await scene.run("r1", W1);
  scene.platform.has("w-1", "completed");
  await scene.test.parts.recheck.atStart(scene.stopping.signal);
  assertEquals(execution.signals.all, ["SIGTERM"]);
});

Deno.test("what cannot be asked about goes on, which is logged once until it can", async () => {
  await using scene = await Scene.begin();
  const execution = await scene.run("r1", W1);
  await scene.heartbeatAfter(0);
  const failure = Promise.reject(new Error("connection refused"));
  failure.catch(() => {});
  scene.platform.known.set("w-1", failure);
  await scene.heartbeatAfter(30);
  await scene.heartbeatAfter(30);
  const lines = () => scene.test.logger.shown.filter((line) => line.includes("Cannot ask"));
  assertEquals(lines(), [
    "warn: Cannot ask the platform about inference r1: connection refused; it goes on",
  ]);
  scene.platform.has("w-1", "running");
  await scene.heartbeatAfter(30);
  scene.platform.known.set("w-1", failure);
  await scene.heartbeatAfter(30);
  assertEquals([lines().length, execution.signals.all], [2, []]);
});

Deno.test("a platform that does not answer delays a refusal by 2 s, also of several, and no cancel is lost", async () => {
  await using scene = await Scene.begin();
  await scene.run("r1", W1);
  scene.platform.known.set("w-1", Promise.withResolvers<undefined>().promise);
  const refused = [scene.test.run("r2", W2), scene.test.run("r3", { workload_uuid: "w-3" })];
  const cancelled = scene.test.cancel("r2");
  await scene.clock.sleepingFor(2_000);
  assertEquals([scene.test.replies.all, scene.platform.asked], [[], ["w-1"]]);
  await scene.clock.advance(2_000);
  await Promise.all(refused);
  assertEquals(scene.test.statusNames("w-2"), ["failed"]);
  assertEquals((await cancelled).error, "No active workload found with request_id r2");
});

Deno.test("a workload that the platform took away and gives back runs again", async () => {
  await using scene = await Scene.begin();
  const execution = await scene.run("r1", W1);
  await scene.heartbeatAfter(0);
  scene.platform.has("w-1", "running", "u-2");
  await scene.heartbeatAfter(30);
  execution.end({ type: "killed", signal: "SIGTERM" });
  const { error } = await scene.test.reply("r1");
  // That is a redelivery.
  await scene.test.send({ command: "inference", request_id: "r1", params: W1 }, { dup: true });
  assertEquals((await scene.test.reply("r1")).error, error);
  scene.platform.has("w-1", "running");
  (await scene.run("r1", W1)).end();
  assertEquals((await scene.test.reply("r1")).status, "ok");
});

Deno.test("a node that is asked to stop stops no workload, and complains of nothing", async () => {
  await using scene = await Scene.begin();
  const execution = await scene.run("r1", W1);
  await scene.heartbeatAfter(0);
  scene.platform.forgets("w-1");
  const heartbeat = scene.heartbeatAfter(30);
  scene.stopping.abort(new Error("stop"));
  await heartbeat;
  assertEquals([
    execution.signals.all,
    scene.test.logger.shown.filter((line) => /^warn/.test(line)),
  ], [[], []]);
});

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { CloudNode } from "../../src/cloud_node.ts";
import type { CloudNodeConfig } from "../../src/config/node_config.ts";
import { type CloudNodeEvent, type CommandEnd, Subscriptions } from "../../src/node/embedding.ts";
import { NodeEvents } from "../../src/node/events.ts";
import type { CloudNodeOptions, RunOptions } from "../../src/node/options.ts";
import { AuthenticationError, ConfigError } from "../../src/errors.ts";
import { Inbox, RecordingLogger } from "../support/events.ts";
import { linesOf } from "../support/lines.ts";
import { runPageProgram } from "../support/page_program.ts";
import { type Sender, World } from "../support/world.ts";

const PAGE = await Deno.readTextFile(
  new URL("../../.github/docs/embedding.md", import.meta.url),
);

function block(language: string): string {
  return PAGE.match(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "m"))![1]!;
}

Deno.test("the page on embedding: its program runs a command, shows a red light, and stops", async () => {
  await using world = await World.withMosquitto();
  await using child = await runPageProgram(world, block("ts ignore"));
  const seen: string[] = [];
  const lines = linesOf(child.stdout)[Symbol.asyncIterator]();
  const until = async (wanted: string) => {
    while (seen.at(-1) !== wanted) {
      const { value, done } = await lines.next();
      assert(!done, `ended before "${wanted}": ${seen.join("\n")}`);
      seen.push(value);
    }
  };
  await until("the reply: got 1");
  await world.broker.kill();
  await until("light: red");
  child.kill("SIGTERM");
  await until("stopped after 1 of 1 commands succeeded");
  assertEquals(seen, block("text").trim().split("\n"));
  assertEquals((await child.status).code, 0);
});

Deno.test("listeners last from run to run until they are removed, and a failing one harms nothing", async () => {
  await using world = await World.start();
  const node = new CloudNode({ config: world.config({ inference: "exit 3" }) });
  const ends: CommandEnd[] = [];
  const ended = Promise.withResolvers<void>();
  node.on("ended", () => {
    throw new Error("mine");
  });
  const remove = node.on("ended", (end) => {
    ends.push(end);
    ended.resolve();
  });
  for (const requestId of ["r1", "r2"]) {
    const ready = Promise.withResolvers<{ uuid: string; slug: string }>();
    const unready = node.on("ready", ready.resolve);
    const run = node.run();
    const identity = await ready.promise;
    unready();
    assertEquals(node.identity, identity);
    assertEquals(Object.keys(node.identity!).sort(), ["slug", "uuid"]);
    {
      await using sender = await world.sender(identity);
      await sender.ask({ command: "inference", request_id: requestId });
    }
    await ended.promise;
    remove();
    const { lanes, connection, undelivered, workloads } = node.snapshot()!;
    assertEquals(lanes, { inference: { running: 0, queued: 0, concurrency: 1 } });
    assertEquals([connection.isConnected, workloads], [true, []]);
    assert(undelivered <= 1, "nothing but the reply may wait for its acknowledgement");
    await node.stop();
    assertEquals(await run, { succeeded: 0, failed: 1 });
    assertEquals(node.snapshot(), undefined);
  }
  assertEquals(
    ends.map(({ command, status, cause, exitCode }) => [
      command.requestId,
      status,
      cause,
      exitCode,
    ]),
    [["r1", "error", "exited", 3]],
  );
});

Deno.test("that a reply is delivered is reported once the broker has it, and again for a repeat", async () => {
  await using world = await World.withMosquitto();
  await using local = await world.runNode({ inference: "true" });
  const replied = new Inbox<string | undefined>();
  local.node.on("replied", ({ command }) => replied.push(command.requestId));
  await using sender = await world.sender(local.identity);
  await sender.ask({ command: "inference", request_id: "r1" });
  await sender.ask({ command: "status", request_id: "s1" });
  assertEquals(await replied.next(), "r1");
  await sender.ask({ command: "inference", request_id: "r1" });
  assertEquals(await replied.next(), "r1");
  assertEquals(replied.all, ["r1", "r1"]);
});

Deno.test("events can be read one after the other, until that is left", async () => {
  await using world = await World.start();
  const node = new CloudNode({ config: world.config({ inference: "true" }) });
  const events = node.events();
  const run = node.run();
  const names: string[] = [];
  for await (const { name, detail } of events) {
    names.push(name);
    if (name === "ready") {
      await using sender = await world.sender(detail);
      await sender.ask({ command: "inference", request_id: "r1" });
    }
    if (name !== "replied") continue;
    assertEquals(detail.command.requestId, "r1");
    break;
  }
  assertEquals(names.filter((name) => name !== "heartbeat"), [
    "connection",
    "ready",
    "accepted",
    "started",
    "ended",
    "replied",
  ]);
  await node.stop();
  await run;
});

Deno.test("the events of a run end with it, also when it fails", async () => {
  await using world = await World.start();
  const node = new CloudNode({ config: world.config() });
  for (let runs = 0; runs < 2; runs++) {
    const run = node.run({ onReady: () => void node.stop() });
    const names: string[] = [];
    for await (const { name } of node.events()) names.push(name);
    assertEquals(names.at(-1), "connection");
    await run;
  }
  const refused = new CloudNode({ config: world.config({ token: "wrong-token" }) });
  const events = refused.events();
  const run = refused.run();
  run.catch(() => {});
  assertEquals(await Array.fromAsync(events), []);
  await assertRejects(() => run, AuthenticationError);
});

Deno.test("two nodes in a process log to two loggers", async () => {
  await using world = await World.start();
  const lines: Record<"a" | "b", string[]> = { a: [], b: [] };
  const logger = (name: "a" | "b") => {
    const write = (line: string) => void lines[name].push(line);
    return { debug() {}, info: write, warn: write, error: write };
  };
  await using a = await world.runNode({ stateFolder: `${world.folder}/a` }, {
    slug: "node-a",
    logger: logger("a"),
  });
  await using b = await world.runNode({ stateFolder: `${world.folder}/b` }, {
    slug: "node-b",
    logger: logger("b"),
  });
  await a.node.stop();
  await b.node.stop();
  assert(lines.a.length > 3 && lines.b.length > 3);
  assertEquals(lines.a.filter((line) => line.includes("node-b")), []);
  assertEquals(lines.b.filter((line) => line.includes("node-a")), []);
});

const UNKNOWN: readonly [given: Record<string, unknown>, message: string][] = [
  [
    { config: { heartbeatIntervall: 5 } },
    'no setting "heartbeatIntervall", did you mean "heartbeatInterval"?',
  ],
  [{ config: { mqtt_port: 5 } }, 'no setting "mqtt_port", did you mean "mqttPort"?'],
  [{ config: { zzz: 5 } }, 'no setting "zzz"'],
  [
    { handlers: { inference: { run: () => 1, timout: 2 } } },
    'no option "timout", did you mean "timeout"?',
  ],
  [
    { config: { inference: { command: "true", comand: "x" } } },
    'no key of inference "comand", did you mean "command"?',
  ],
  [{ inference: "true" }, 'no option "inference", did you mean "config.inference"?'],
  [{ config: null }, "config must be an object, got null"],
  [{ config: "cyberwave.yml" }, 'config must be an object, got "cyberwave.yml"'],
  [{ confg: {} }, 'no option "confg", did you mean "config"?'],
];

Deno.test("what a node cannot be told is refused, with the name that was probably meant", async () => {
  for (const [given, message] of UNKNOWN) {
    const options = given as CloudNodeOptions;
    assertStringIncludes(assertThrows(() => new CloudNode(options), ConfigError).message, message);
    const error = await assertRejects(() => CloudNode.fromEnv(options), ConfigError);
    assertStringIncludes(error.message, message);
  }
  const run = new CloudNode().run({ onready: () => {} } as RunOptions);
  const refused = await assertRejects(() => run, ConfigError);
  assertStringIncludes(refused.message, 'no option "onready", did you mean "onReady"?');
  for (const exitWhenIdle of [NaN, -1, "5m" as unknown as number]) {
    const run = () => new CloudNode().run({ exitWhenIdle });
    await assertRejects(run, ConfigError, "exitWhenIdle must be a number of seconds");
  }
  const absent = { zzz: undefined } as CloudNodeConfig;
  new CloudNode({ config: absent });
  const on = () => new CloudNode().on("end" as "ended", () => {});
  assertStringIncludes(
    assertThrows(on, ConfigError).message,
    'no event "end", did you mean "ended"?',
  );
});

Deno.test("what a program gives wins over the config file and the environment, setting by setting", async () => {
  await using world = await World.start();
  const file = `${world.folder}/cyberwave.yml`;
  await Deno.writeTextFile(file, "inference: echo file\ntraining: echo file\nmqtt_port: 1\n");
  const { workFolder: _, ...config } = world.config({ inference: "echo given" });
  const node = await CloudNode.fromConfigFile(file, {
    config,
    env: { PATH: Deno.env.get("PATH")!, CYBERWAVE_API_TOKEN: "wrong-token" },
  });
  const ready = Promise.withResolvers<{ uuid: string; slug: string }>();
  const run = node.run({ onReady: ready.resolve });
  await using sender: Sender = await world.sender(await ready.promise);
  const outputs = [];
  for (const command of ["inference", "training"]) {
    outputs.push((await sender.ask({ command, request_id: command })).output);
  }
  assertEquals(outputs, ["given\n", "file\n"]);
  await node.stop();
  await run;
});

Deno.test("of events that nobody reads the first thousand wait", async () => {
  const subscriptions = new Subscriptions();
  const events = new NodeEvents(new RecordingLogger());
  const stream = subscriptions.stream();
  subscriptions.attach(events);
  for (let at = 0; at < 1_500; at++) events.emit("heartbeat", { at });
  const reader = stream.getReader();
  const read: CloudNodeEvent[] = [];
  for (let count = 0; count < 1_000; count++) read.push((await reader.read()).value!);
  assertEquals(read.at(-1), { name: "heartbeat", detail: { at: 999 } });
  events.emit("heartbeat", { at: 2_000 });
  assertEquals((await reader.read()).value, { name: "heartbeat", detail: { at: 2_000 } });
  await reader.cancel();
  assertEquals(events.isHeard("heartbeat"), false);
});

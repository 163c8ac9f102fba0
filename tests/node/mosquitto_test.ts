import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { BrokerError } from "../../src/errors.ts";
import { mosquittoAvailable } from "../support/mosquitto.ts";
import { Gate } from "../support/stage.ts";
import { fileWritten } from "../support/executors.ts";
import { World } from "../support/world.ts";

const test = (sentence: string, fn: () => Promise<void>) =>
  Deno.test({ name: sentence, ignore: !mosquittoAvailable(), fn });

test("a node answers under its UUID to what is sent to its UUID or its slug", async () => {
  for (const environment of ["", "dev"]) {
    await using world = await World.withMosquitto();
    await using local = await world.runNode({ environment, slug: "my-node" });
    await using sender = await world.sender(local.identity, environment);
    for (const name of [local.identity.uuid, "my-node"]) {
      const topic = `${environment}cyberwave/cloud-node/${name}/command`;
      await sender.client.publish(topic, { command: "status", request_id: name });
      const reply = await sender.reply(name);
      assertEquals([reply.status, reply.slug], ["ok", "my-node"]);
    }
  }
});

test("a reply is cut to what the broker takes, and says so", async () => {
  await using world = await World.withMosquitto({ config: ["max_packet_size 4000"] });
  const inference = "head -c 100000 /dev/zero | tr '\\0' x; echo; echo the end";
  await using local = await world.runNode({ inference });
  await using sender = await world.sender(local.identity);
  const reply = await sender.ask({ command: "inference", request_id: "i1" });
  assertEquals([reply.status, reply.output_truncated], ["ok", true]);
  assertMatch(
    reply.output!,
    /^x{1000,}\n\[\.\.\. \d+ characters cut out \.\.\.\]\nx{1000,}\nthe end\n$/,
  );
  assertEquals((await sender.ask({ command: "status", request_id: "s1" })).status, "ok");
});

test("a command sent while the broker restarts is answered once, in the same session", async () => {
  await using world = await World.withMosquitto();
  await using local = await world.runNode({ inference: "echo ran >>ledger; cat ledger" });
  await world.broker.restart();
  await using sender = await world.sender(local.identity);
  const reply = await sender.ask({ command: "inference", request_id: "i1" });
  assertEquals(reply.output, "ran\n");
});

test("hostile params reach the workload unharmed, and run nothing", async () => {
  await using world = await World.withMosquitto();
  await using local = await world.runNode({ inference: "printf %s {body}" });
  await using sender = await world.sender(local.identity);
  const params = {
    shell: "$(touch pwned) `touch pwned`; touch pwned & | > pwned \\",
    quotes: `'"'"'" \\' \\" '\\''`,
    lines: "a\nb\r\n\tc\n",
    nul: "a\0b",
    astral: "😀 \u2028 \u202e",
    "'; touch pwned; '": "{body} {body_file} $0",
  };
  const reply = await sender.ask({ command: "inference", request_id: "$(touch pwned)", params });
  assertEquals(JSON.parse(reply.output!), params);
  assertEquals([...Deno.readDirSync(world.folder)].map(({ name }) => name), ["state"]);
});

test("status answers while inference runs, and tells of it", async () => {
  await using world = await World.withMosquitto();
  const gate = await Gate.in(world.folder);
  await using local = await world.runNode({ inference: `echo >begun; ${gate.template}` });
  await using sender = await world.sender(local.identity);
  await sender.send({ command: "inference", request_id: "i1" });
  await fileWritten(`${world.folder}/begun`);
  const status = await sender.ask({ command: "status", request_id: "s1" });
  const { is_busy, active_workloads: [workload] } = JSON.parse(status.output!);
  assertEquals([is_busy, workload.type, workload.request_id], [true, "inference", "i1"]);
  await gate.open("luck");
  assertEquals((await sender.reply("i1")).status, "ok");
});

test("a reply that the broker refuses ends a drain, and is delivered when it may be", async () => {
  const rights = await Deno.makeTempFile();
  await Deno.writeTextFile(rights, "pattern read #\npattern write +/+/+/command\n");
  await using world = await World.withMosquitto({ config: [`acl_file ${rights}`] });
  const config = { inference: "echo done; echo >ran", stopTimeout: 0.1 };
  const local = await world.runNode(config);
  await using sender = await world.sender(local.identity);
  await sender.send({ command: "status", request_id: "s1" });
  await sender.send({ command: "inference", request_id: "i1" });
  await fileWritten(`${world.folder}/ran`);
  const drained = local.node.drain();
  const error = await assertRejects(() => local.ended, BrokerError);
  assertEquals(error.message, "The broker refuses what is left to send: 1 message");
  await drained;

  await Deno.writeTextFile(rights, "pattern readwrite #\n");
  await world.broker.restart();
  await using late = await world.sender(local.identity);
  await using _next = await world.runNode(config);
  assertEquals((await late.reply("i1")).output, "done\n");
  await Deno.remove(rights);
});

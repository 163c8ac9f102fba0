import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Gate, Stage } from "../support/stage.ts";
import { mosquittoAvailable } from "../support/mosquitto.ts";
import { World } from "../support/world.ts";

/** Reports progress, waits, reports more. */
const REPORTS = `say() { echo "$1" >>"$CYBERWAVE_PROGRESS_FILE"; }
  say '{"progress":4,"total":10,"message":"epoch 4"}'; read -r word <gate
  say '{"progress":10,"total":10}'; echo "$word"`;

const BROKERS = [
  { name: "the embedded broker", start: () => World.start(), ignore: false },
  {
    name: "mosquitto",
    start: () => World.withMosquitto(),
    ignore: !mosquittoAvailable(),
  },
];

for (const { name, start, ignore } of BROKERS) {
  Deno.test({
    name: `with ${name}, the progress of a command is published until its reply`,
    ignore,
    async fn() {
      await using world = await start();
      const gate = await Gate.in(world.folder);
      await using local = await world.runNode({ environment: "dev", inference: REPORTS });
      await using sender = await world.sender(local.identity, "dev");
      const inbox = await sender.client.collect(`devcyberwave/cloud-node/${sender.uuid}/progress`);
      await sender.send({
        command: "inference",
        request_id: "r1",
        params: { workload_uuid: "w-1" },
      });
      const ids = { request_id: "r1", workload_uuid: "w-1" };
      const first = { ...ids, progress: 4, total: 10, message: "epoch 4" };
      assertEquals(JSON.parse((await inbox.next()).text), first);
      const status = await sender.ask({ command: "status", request_id: "s1" });
      assertEquals(JSON.parse(status.output!).active_workloads[0].progress, {
        progress: 4,
        total: 10,
        message: "epoch 4",
      });
      await gate.open("done");
      assertEquals((await sender.reply("r1")).output, "done\n");
      const all = inbox.all.map(({ text }) => JSON.parse(text));
      assertEquals(all, [first, { ...ids, progress: 10, total: 10 }]);
    },
  });
}

Deno.test("ps and logs -f show the progress of what runs", async () => {
  await using stage = await Stage.set();
  const gate = await Gate.in(stage.world.folder);
  await stage.configure(`  inference: |\n    ${REPORTS.replaceAll("\n", "\n    ")}`);
  await using node = stage.start(["start"]);
  await using sender = await stage.senderFor(node);
  const inbox = await sender.client.collect(`cyberwave/cloud-node/${sender.uuid}/progress`);
  await sender.send({ command: "inference", request_id: "r1" });
  await inbox.next();
  assertMatch(
    (await stage.run(["ps"])).stdout,
    /inference +r1 +running .* 40% \(4 of 10\) epoch 4$/m,
  );
  const { workloads } = JSON.parse((await stage.run(["ps", "--json"])).stdout);
  assertEquals(workloads[0].progress, { progress: 4, total: 10, message: "epoch 4" });
  await using logs = stage.start(["logs", "-f", "r1"]);
  await logs.awaitLine(/^inference r1: 40% \(4 of 10\) epoch 4$/);
  await gate.open("done");
  assertEquals(await logs.exited, 0);
  assertEquals(logs.output.stdout, "done\n");
  assertStringIncludes(logs.output.stderr, "inference r1: 100% (10 of 10)\n");
  assertMatch((await stage.run(["ps"])).stdout, /inference +r1 +ended .* ok$/m);
});

const PAGE = await Deno.readTextFile(
  new URL("../../.github/docs/progress.md", import.meta.url),
);

for (const [, language, sample] of PAGE.matchAll(/^```(python|sh)\n([^]*?)^```$/gm)) {
  Deno.test(`the page about progress: its ${language} sample reports progress`, async () => {
    await using world = await World.start();
    const file = `${world.folder}/sample`;
    await Deno.writeTextFile(file, sample!);
    const program = language === "python" ? "python3" : "sh";
    await using local = await world.runNode({ training: `${program} sample` });
    await using sender = await world.sender(local.identity);
    const topic = `cyberwave/cloud-node/${local.identity.uuid}/progress`;
    const inbox = await sender.client.collect(topic);
    const reply = await sender.ask({ command: "training", request_id: "t1" });
    assertEquals([reply.status, reply.error], ["ok", undefined]);
    const { request_id: _, ...last } = JSON.parse(inbox.all.at(-1)!.text);
    assertEquals(
      last,
      language === "python"
        ? { progress: 10, total: 10, message: "epoch 10" }
        : { progress: 0.4, message: "halfway, nearly" },
    );
  });
}

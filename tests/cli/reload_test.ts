import { assertEquals, assertStringIncludes } from "@std/assert";
import { LIVE_SETTINGS } from "../../src/node/setting_changes.ts";
import { SETTINGS } from "../../src/config/settings/settings.ts";
import { Gate, Stage } from "../support/stage.ts";

/** A node without a terminal, as a service manager starts it. */
async function startNode(stage: Stage) {
  const node = stage.start(["start", "--slug", "n"], { detached: true });
  await node.awaitLine(/is ready: waiting for commands/);
  return node;
}

Deno.test({
  name: "SIGHUP takes over what can change in a running node, and says what cannot",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using stage = await Stage.set();
    const gate = await Gate.in(stage.world.folder);
    const yaml = `  inference: ${gate.template}\n`;
    await stage.configure(`${yaml}  max_queued: 0\n`);
    await using node = await startNode(stage);
    const [instance] = stage.world.backend.instances.values();
    await using sender = await stage.world.sender(instance!);
    await sender.send({ command: "inference", request_id: "r1" });
    await node.awaitLine(/inference r1 started/);
    const refused = await sender.ask({ command: "inference", request_id: "r2" });
    assertStringIncludes(refused.error!, "The queue is full");

    // One more runs at once, and the template is that of the start.
    await stage.configure("  inference: echo new\n  max_queued: 1\n  concurrency: 2\n");
    node.signal("SIGHUP");
    await node.awaitLine(/concurrency is ".*inference=2.*" now|concurrency is "2" now/);
    await node.awaitLine(/Changed, but takes effect only at the next start: inference/);
    await sender.send({ command: "inference", request_id: "r3" });
    await node.awaitLine(/inference r3 started/);
    // Either may come through first.
    await gate.open("care");
    const replies = ["r1", "r3"].map((id) => sender.reply(id));
    await Promise.race(replies);
    await gate.open("care");
    for (const { output } of await Promise.all(replies)) {
      assertEquals(output, "at the gate\nlet through with care\n");
    }
    assertEquals(await node.end("SIGTERM"), 0);
  },
});

Deno.test({
  name: "SIGHUP changes nothing where the new configuration is wrong, or the same",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using stage = await Stage.set("  inference: echo {body}\n");
    await using node = await startNode(stage);
    node.signal("SIGHUP");
    await node.awaitLine(/Nothing has changed in the settings/);
    await stage.configure("  inference: echo {body}\n  log_level: debug\n  max_queued: many\n");
    node.signal("SIGHUP");
    await node.awaitLine(/max_queued must be .*, got "many" \(from cyberwave.yml, line 4/);
    await node.awaitLine(/The settings stay as they were: the new ones are wrong/);
    await Deno.remove(`${stage.world.folder}/cyberwave.yml`);
    node.signal("SIGHUP");
    await node.awaitLine(/There is no ".*\/cyberwave.yml" any more/);
    await node.awaitLine(/The settings stay as they were: the new ones are wrong/);
    await stage.configure("  inference: echo {body}\n  log_level: debug\n  timeout: 60\n");
    node.signal("SIGHUP");
    await node.awaitLine(/log_level is "debug" now/);
    await node.awaitLine(/timeout is ".*" now/);
    assertEquals(await node.end("SIGTERM"), 0);
  },
});

Deno.test("the page on operations names the settings that change without a restart", async () => {
  const page = new URL("../../.github/docs/operations.md", import.meta.url);
  const [, listed] = /settings change at once: ([^.]*)\./.exec(await Deno.readTextFile(page))!;
  const names = [...listed!.matchAll(/`(\w+)`/g)].map(([, name]) => name).filter((name) =>
    name !== "gpus"
  );
  const live = SETTINGS.filter(({ key }) =>
    ["logFormat", "logLevel", ...LIVE_SETTINGS].includes(key)
  );
  assertEquals(names.toSorted(), live.map(({ name }) => name).toSorted());
});

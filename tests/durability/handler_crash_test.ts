import { assertEquals } from "@std/assert";
import type { CloudNodeConfig } from "../../src/config/node_config.ts";
import { fileWritten } from "../support/files.ts";
import { LocalNode, World } from "../support/world.ts";

const PROGRAM = new URL("../support/embedding_program.ts", import.meta.url);

/** Starts the program, which is killed at the latest when the test is over. */
function start(config: CloudNodeConfig) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", PROGRAM.href, JSON.stringify(config)],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
    },
  };
}

Deno.test("what a handler did when its program was killed is lost, and never started again", async () => {
  await using world = await World.start();
  const config = world.config();
  // It is registered before, so that somebody can send commands to it.
  const { identity, node } = await LocalNode.start(config);
  await node.stop();
  await using sender = await world.sender(identity);
  {
    await using _program = start(config);
    await fileWritten(`${world.folder}/ready`);
    for (const id of ["r1", "r2"]) await sender.send({ command: "calibrate", request_id: id });
    assertEquals(await fileWritten(`${world.folder}/started`), "r1\n");
  }
  // The next program is one that can do it.
  const handlers = { calibrate: () => "done" };
  await using _next = await LocalNode.start(config, { handlers });
  assertEquals(
    (await sender.reply("r1")).error,
    "Workload lost: the program that ran it no longer runs this node",
  );
  assertEquals((await sender.reply("r2")).output, "done");
  assertEquals(await Deno.readTextFile(`${world.folder}/started`), "r1\n");
});

import { assertEquals } from "@std/assert";
import { World } from "../support/world.ts";

for (const uploadResults of [true, false]) {
  Deno.test(`a job finds its results folder, which nobody made, with upload_results: ${uploadResults}`, async () => {
    await using world = await World.start();
    const resultsFolder = `${world.folder}/not/there/yet`;
    const inference =
      'echo made >"$CYBERWAVE_RESULTS_FOLDER/x" && cat "$CYBERWAVE_RESULTS_FOLDER/x"';
    const local = await world.runNode({ inference, resultsFolder, uploadResults });
    await using sender = await world.sender(local.identity);
    const reply = await sender.ask({ command: "inference", request_id: "r1" });
    assertEquals([reply.output, reply.error], ["made\n", undefined]);
    await local.node.stop();
  });
}

Deno.test("a results folder that cannot be made keeps no job from running", async () => {
  await using world = await World.start();
  await Deno.writeTextFile(`${world.folder}/file`, "");
  const resultsFolder = `${world.folder}/file/results`;
  const local = await world.runNode({ inference: "echo ran", resultsFolder });
  await using sender = await world.sender(local.identity);
  const reply = await sender.ask({ command: "inference", request_id: "r1" });
  assertEquals([reply.output, reply.error], ["ran\n", undefined]);
  await local.node.stop();
});

/** Python as users run it: `print` without `flush`. */
import { HAS_PYTHON } from "../support/repository.ts";
import { NodeProcess } from "../support/node_process.ts";
import { World } from "../support/world.ts";

Deno.test({
  name: "what a Python job prints is in the node's log while the job runs",
  ignore: !HAS_PYTHON,
  async fn() {
    await using world = await World.start();
    const go = `${world.folder}/go`;
    await new Deno.Command("mkfifo", { args: [go] }).output();
    const training = `python3 -c 'print("epoch 1"); open("${go}").read(); print("done")'`;
    await using node = await NodeProcess.start(world, { yaml: { training } });
    const [identity] = world.backend.instances.values();
    await using sender = await world.sender(identity!);
    const reply = sender.ask({ command: "training", request_id: "t-1", params: {} });
    await node.logged("epoch 1");
    await Deno.writeTextFile(go, "");
    await node.logged("done");
    await reply;
  },
});

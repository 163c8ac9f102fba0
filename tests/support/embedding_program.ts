/**
 * A program that embeds a node. Its handler writes the id of each command it starts into the file
 * `started` of the work folder, and never returns. The file `ready` says that it waits for commands. The argument: the node's configuration as JSON.
 */
import { CloudNode } from "../../src/cloud_node.ts";

const config = JSON.parse(Deno.args[0]);
const node = new CloudNode({
  config,
  handlers: {
    calibrate: async (_, { requestId }) => {
      const path = `${config.workFolder}/started`;
      Deno.writeTextFileSync(path, `${requestId}\n`, { append: true });
      await new Promise(() => {});
    },
  },
});
await node.run({ onReady: () => Deno.writeTextFileSync(`${config.workFolder}/ready`, "\n") });

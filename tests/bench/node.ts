/** The real program, with a state folder of its own, and a caller that sends it commands. */
import { join } from "node:path";
import type { EmulatedBackend } from "../../src/dev/backend.ts";
import type { Mosquitto } from "../support/mosquitto.ts";
import { Caller } from "./caller.ts";
import { Program, type ProgramOptions } from "./program.ts";

/** Where the nodes connect to. */
export interface Platform {
  readonly broker: Mosquitto;
  readonly backend: EmulatedBackend;
}

/** A running node. */
export interface BenchNode extends AsyncDisposable {
  readonly program: Program;
  readonly caller: Caller;
}

/** Starts a node with these lines in its cyberwave.yml. Resolves when it answers. */
export async function startNode(platform: Platform, config: string[]): Promise<BenchNode> {
  await using stack = new AsyncDisposableStack();
  const { options, folder } = await prepareNode(platform, config);
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const program = stack.use(new Program(options));
  const { path } = await platform.backend.nextCall(({ path }) => path.endsWith("/register"));
  const uuid = path.split("/").at(-2)!;
  const caller = stack.use(await Caller.connect(platform.broker.url, uuid));
  const owned = stack.move();
  return { program, caller, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** What starts a node in a new folder of its own. */
export async function prepareNode(
  { broker, backend }: Platform,
  config: string[],
): Promise<{ options: ProgramOptions; folder: string }> {
  const folder = await Deno.makeTempDir({ prefix: "cloud_node_bench_" });
  const file = join(folder, "cyberwave.yml");
  const lines = ["cyberwave-cloud-node:", ...config.map((line) => `  ${line}`)];
  await Deno.writeTextFile(file, lines.join("\n") + "\n");
  return {
    folder,
    options: {
      module: "../../main.ts",
      args: [
        "start",
        ...["--config", file],
        ...["--mqtt-host", broker.host],
        ...["--mqtt-port", String(broker.port)],
      ],
      env: {
        CYBERWAVE_API_TOKEN: backend.token,
        CYBERWAVE_API_URL: backend.url,
        CYBERWAVE_EDGE_CONFIG_DIR: join(folder, "state"),
      },
    },
  };
}

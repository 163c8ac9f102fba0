/** The real program, with a backend and a state folder of its own, and a caller for it. */
import { join } from "node:path";
import { EmulatedBackend } from "../../src/dev/rest_front_end.ts";
import type { Mosquitto } from "../support/mosquitto.ts";
import { Caller } from "./caller.ts";
import { Program, type ProgramOptions } from "./program.ts";

/** Where nodes run. */
export interface Site {
  readonly broker: Mosquitto;
  /** Holds all that they write. Removed at the end: file systems are slower after removals. */
  readonly folder: string;
}

/** What stands in a node's cyberwave.yml. */
export type Config = Readonly<Record<string, string | number>>;

/** A running node. */
export interface BenchNode extends AsyncDisposable {
  readonly program: Program;
  readonly caller: Caller;
}

/** Starts a node. Resolves when it answers. */
export async function startNode(site: Site, config: Config): Promise<BenchNode> {
  await using stack = new AsyncDisposableStack();
  const { backend, options } = stack.use(await prepareNode(site, config));
  const program = stack.use(new Program(options));
  const { path } = await backend.nextCall(({ path }) => path.endsWith("/register"));
  const uuid = path.split("/").at(-2)!;
  const caller = stack.use(await Caller.connect(site.broker.url, uuid));
  const owned = stack.move();
  return { program, caller, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** All that a node needs to start for the first time. */
export interface PreparedNode extends AsyncDisposable {
  readonly backend: EmulatedBackend;
  readonly options: ProgramOptions;
}

/** Makes a backend and a folder of its own for a node. */
export async function prepareNode(
  { broker, folder }: Site,
  config: Config,
): Promise<PreparedNode> {
  const backend = EmulatedBackend.start();
  const own = await Deno.makeTempDir({ dir: folder });
  const file = join(own, "cyberwave.yml");
  // JSON is YAML too.
  await Deno.writeTextFile(file, JSON.stringify({ "cyberwave-cloud-node": config }));
  const args = [
    "start",
    ...["--config", file],
    ...["--mqtt-host", broker.host],
    ...["--mqtt-port", String(broker.port)],
  ];
  const env = {
    CYBERWAVE_API_TOKEN: backend.token,
    CYBERWAVE_API_URL: backend.url,
    CYBERWAVE_EDGE_CONFIG_DIR: join(own, "state"),
  };
  return {
    backend,
    options: { module: "../../main.ts", args, env },
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}

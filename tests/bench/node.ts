/** The real program, with a backend and a state folder of its own, and a caller for it. */
import { join } from "node:path";
import { EmulatedBackend } from "../../src/dev/rest_front_end.ts";
import { Caller } from "./caller.ts";
import { moduleCommand, nodeCommand, Program, type ProgramOptions } from "./program.ts";
import type { Site } from "./measure.ts";

/** The node's settings in cyberwave.yml. */
export type Config = Readonly<Record<string, string | number | WorkerConfig>>;

/** A command that a worker runs. */
export type WorkerConfig = Readonly<Record<string, string | number>>;

/** A program that replies to commands, and its caller. */
export interface Responder extends AsyncDisposable {
  readonly program: Program;
  readonly caller: Caller;
}

/** A running node. */
export interface BenchNode extends Responder {
  /** The environment in which the command line finds its state. */
  readonly env: Readonly<Record<string, string>>;
  /** Its cyberwave.yml. */
  readonly config: string;
}

/** How often a starting program is asked whether it answers. */
export const ASK_EVERY_MS = 5;

/** Starts a node. Resolves when it answers. */
export async function startNode(site: Site, config: Config): Promise<BenchNode> {
  await using stack = new AsyncDisposableStack();
  const prepared = stack.use(await prepareNode(site, config));
  const program = stack.use(new Program(prepared.options));
  await Promise.race([prepared.caller.answered(ASK_EVERY_MS), program.failed]);
  return owned(stack, {
    program,
    caller: prepared.caller,
    env: prepared.options.env!,
    config: prepared.config,
  });
}

/** Starts a bare MQTT client that replies at once. Resolves when it answers. */
export async function startEcho(site: Site): Promise<Responder> {
  await using stack = new AsyncDisposableStack();
  const uuid = crypto.randomUUID();
  const command = moduleCommand(site, "./echo.ts", site.broker.url, uuid);
  const program = stack.use(new Program({ command }));
  const caller = stack.use(await Caller.connect(site.broker.url, uuid));
  await Promise.race([caller.answered(ASK_EVERY_MS), program.failed]);
  return owned(stack, { program, caller });
}

/** Everything that a node needs for its first start. */
export interface PreparedNode extends AsyncDisposable {
  readonly options: ProgramOptions;
  readonly caller: Caller;
  readonly config: string;
}

/** Creates a node's folder, backend and caller. */
export async function prepareNode(site: Site, config: Config): Promise<PreparedNode> {
  const { broker, folder } = site;
  await using stack = new AsyncDisposableStack();
  const backend = stack.use(EmulatedBackend.start());
  const own = await Deno.makeTempDir({ dir: folder });
  const file = join(own, "cyberwave.yml");
  // JSON is YAML too.
  await Deno.writeTextFile(file, JSON.stringify({ "cyberwave-cloud-node": config }));
  backend.createInstance({ profile_slug: "default" });
  const [{ uuid }] = backend.instances.values();
  const caller = stack.use(await Caller.connect(broker.url, uuid));
  const args = ["--config", file, "--mqtt-host", broker.host, "--mqtt-port", String(broker.port)];
  const env = {
    CYBERWAVE_API_TOKEN: backend.token,
    CYBERWAVE_API_URL: backend.url,
    CYBERWAVE_CLOUD_NODE_INSTANCE_UUID: uuid,
    CYBERWAVE_EDGE_CONFIG_DIR: join(own, "state"),
  };
  return owned(stack, {
    options: { command: nodeCommand(site, "start", ...args), env },
    caller,
    config: file,
  });
}

/** `parts`, with what `stack` holds to be disposed of together with them. */
function owned<Parts>(stack: AsyncDisposableStack, parts: Parts): Parts & AsyncDisposable {
  const moved = stack.move();
  return { ...parts, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

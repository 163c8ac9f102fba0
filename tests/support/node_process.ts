/**
 * The real program as a process of its own, so that a test can kill it. It may do what its settings
 * ask for and nothing else.
 */
import type { World } from "./world.ts";
import { loadSettings } from "../../src/config/load.ts";
import { environmentFlags, nodePermissions } from "../../src/config/needed_permissions.ts";
import { permissionFlags } from "../../src/permissions.ts";
import { commandOf, DENO_DIR } from "./command.ts";
import { Inbox } from "./events.ts";
import { linesOf } from "./lines.ts";
import { HOST } from "./executors.ts";
import type { EmbeddedBroker } from "../../src/dev/embedded_broker.ts";
import type { Mosquitto } from "./mosquitto.ts";

/** What may be told about a node before it starts. */
export interface NodeProcessOptions {
  /** Settings as they stand in cyberwave.yml. */
  readonly yaml?: Readonly<Record<string, unknown>>;
  /** Further arguments of `start`. */
  readonly args?: readonly string[];
  /** Further variables of its environment, which its workloads inherit. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where it keeps its state. Default: the world's state folder. */
  readonly stateFolder?: string;
}

/** A node in a process of its own. */
export class NodeProcess implements AsyncDisposable {
  /** What it logs, line by line. */
  readonly log = new Inbox<string>();
  /** How it ended, once all it logged is read. */
  readonly ended: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.ended = Promise.all([child.status, this.#read()]).then(([status]) => status);
  }

  /** Starts one, which may not be ready yet. */
  static async spawn(
    world: World<EmbeddedBroker | Mosquitto>,
    { yaml = {}, args = [], env = {}, stateFolder = world.stateFolder }: NodeProcessOptions = {},
  ): Promise<NodeProcess> {
    const config = `${world.folder}/cyberwave.yml`;
    await Deno.writeTextFile(config, JSON.stringify({ "cyberwave-cloud-node": yaml }));
    const variables = {
      CYBERWAVE_API_TOKEN: world.backend.token,
      CYBERWAVE_API_URL: world.backend.url,
      CYBERWAVE_MQTT_HOST: world.broker.host,
      CYBERWAVE_MQTT_PORT: String(world.broker.port),
      CYBERWAVE_EDGE_CONFIG_DIR: stateFolder,
      ...env,
    };
    const [program, ...first] = commandOf(await flagsFor(config, variables));
    const child = new Deno.Command(program, {
      args: [...first, "start", "--config", config, ...args],
      env: { DENO_DIR, ...variables },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    return new NodeProcess(child);
  }

  /** Starts one and waits until it is ready. */
  static async start(
    world: World<EmbeddedBroker | Mosquitto>,
    options: NodeProcessOptions = {},
  ): Promise<NodeProcess> {
    const node = await NodeProcess.spawn(world, options);
    await node.logged("is ready: waiting for commands");
    return node;
  }

  /** Its process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** The next line of its log, not yet waited for, that has `text` in it. */
  logged(text: string): Promise<string> {
    return this.log.next((line) => line.includes(text));
  }

  /** Sends a signal and waits until it has ended. */
  async kill(signal: Deno.Signal = "SIGKILL"): Promise<Deno.CommandStatus> {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended by itself.
    }
    return await this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #read(): Promise<void> {
    for await (const line of linesOf(this.#child.stderr)) this.log.push(line);
  }
}

/** The permissions of a node with these settings, whose workloads see all of these variables. */
async function flagsFor(configPath: string, env: Record<string, string>): Promise<string[]> {
  const { settings } = await loadSettings({ configPath, env, cwd: "/" });
  return [
    ...permissionFlags(nodePermissions(settings, HOST.shell, env)),
    ...environmentFlags(Object.keys(env)),
  ];
}

/** A world in which the program runs: a backend, a broker and a folder with a cyberwave.yml. */
import type { EmbeddedBroker } from "../../src/dev/embedded_broker.ts";
import { endWorkloads } from "../../src/dev/state_folder.ts";
import { wordFrom } from "./files.ts";
import { Program, type ProgramOptions } from "./program.ts";
import { type Sender, World } from "./world.ts";

/** Where the program runs. */
export class Stage implements AsyncDisposable {
  private constructor(readonly world: World<EmbeddedBroker>) {}

  /** Sets one up with a cyberwave.yml. */
  static async set(yaml: string = ""): Promise<Stage> {
    const stage = new Stage(await World.start());
    await stage.configure(yaml);
    return stage;
  }

  /** Writes another cyberwave.yml. */
  async configure(yaml: string): Promise<void> {
    await Deno.writeTextFile(
      `${this.world.folder}/cyberwave.yml`,
      `cyberwave-cloud-node:\n${yaml}`,
    );
  }

  /** The environment of the program here. */
  get env(): Record<string, string> {
    const { backend, broker, stateFolder } = this.world;
    return {
      CYBERWAVE_API_TOKEN: backend.token,
      CYBERWAVE_API_URL: backend.url,
      CYBERWAVE_MQTT_HOST: broker.host,
      CYBERWAVE_MQTT_PORT: String(broker.port),
      CYBERWAVE_EDGE_CONFIG_DIR: stateFolder,
    };
  }

  /** Starts the program here. */
  start(args: readonly string[], options: ProgramOptions = {}): Program {
    return Program.start(args, this.#here(options));
  }

  /** Runs the program here to its end. */
  run(
    args: readonly string[],
    options: ProgramOptions = {},
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    return Program.run(args, this.#here(options));
  }

  /** Starts a node here and waits until it is ready. */
  async startNode(...flags: string[]): Promise<Program> {
    const program = this.start(["start", ...flags]);
    await program.awaitLine(/is ready: waiting for commands/);
    return program;
  }

  /** Who sends commands to a node that gets ready. */
  async senderFor(node: Program): Promise<Sender> {
    const [, slug, uuid] = await node.awaitLine(/Cloud Node '(.*)' \((.*)\) is ready/);
    return await this.world.sender({ slug: slug!, uuid: uuid! });
  }

  #here({ env, ...options }: ProgramOptions): ProgramOptions {
    return { cwd: this.world.folder, env: { ...this.env, ...env }, ...options };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A test that failed may have left a workload that nobody lets through.
    await endWorkloads(this.world.stateFolder);
    await this.world[Symbol.asyncDispose]();
  }
}

/** A stage with a gate, a node, and somebody who sends it commands. */
export async function nodeAtGate(yaml: (gate: Gate) => string) {
  await using resources = new AsyncDisposableStack();
  const stage = resources.use(await Stage.set());
  const gate = await Gate.in(stage.world.folder);
  await stage.configure(yaml(gate));
  const node = resources.use(stage.start(["start"]));
  const sender = resources.use(await stage.senderFor(node));
  const all = resources.move();
  return { stage, gate, node, sender, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** A workload that says that it began, and goes on until it is let through the gate. */
export class Gate {
  private constructor(readonly path: string) {}

  /** Makes one in a folder. */
  static async in(folder: string): Promise<Gate> {
    const path = `${folder}/gate`;
    await new Deno.Command("mkfifo", { args: [path] }).output();
    return new Gate(path);
  }

  /** The template of the workload. */
  readonly template: string = `echo at the gate; ${wordFrom("gate")}; echo let through with $word`;

  /** Lets one workload through. Resolves when it has noticed. */
  async open(word: string): Promise<void> {
    await new Deno.Command("sh", { args: ["-c", 'echo "$1" >"$2"', "sh", word, this.path] })
      .output();
  }
}

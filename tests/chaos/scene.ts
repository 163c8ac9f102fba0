/** A node and a customer around a broker, and whoever kills them. */
import { NodeProcess } from "../support/node_process.ts";
import type { EmulatedWorkload } from "../../src/dev/rest_front_end.ts";
import { World } from "../support/world.ts";
import type { Mosquitto } from "../support/mosquitto.ts";
import { systemClock } from "../../src/time.ts";
import { CuttableLink } from "./cuttable_link.ts";
import { Customer } from "./customer.ts";
import { Happenings } from "./happenings.ts";
import { killProcess, type ProcessEntry, processesWith } from "./processes.ts";
import type { Random } from "./random.ts";
import { SmallDisk } from "./small_disk.ts";
import { freePort } from "../support/model_server.ts";
import { SIMULATE_TIMEOUT, type Task } from "./task.ts";

/** What is done to the node and its surroundings. */
export type Strike =
  | "kill node"
  | "stop node"
  | "kill broker"
  | "kill both"
  | "cut link"
  | "kill process of workload"
  | "fill disk";

const STRIKES: Readonly<Record<Strike, number>> = {
  "kill node": 6,
  "stop node": 2,
  "kill broker": 2,
  "kill both": 1,
  "cut link": 3,
  "kill process of workload": 5,
  "fill disk": 2,
};

/** What a node logs when it is ready. */
const READY = "is ready: waiting for commands";

/** The statuses with which the platform waits for nothing: \`queued\` is what was refused. */
const END = /^(completed|failed|cancelled|queued)$/;

/** How long all that was sent may take to be answered once nothing is killed any more. */
const PATIENCE_MS = 60_000;

/** How long the reply to a command without a request id may take: a killed broker may have lost it. */
const ANONYMOUS_PATIENCE_MS = 12_000;

/** How long a runtime may take on a busy machine until it runs the program's first line. */
const RUNTIME_STARTS_MS = 500;

/** A node, its surroundings, and what became of them. */
export class Scene implements AsyncDisposable {
  /** What is wrong with the node itself. */
  readonly problems: string[] = [];
  readonly happenings = new Happenings();
  /** The folder in which workloads note what they do. */
  readonly ledgers: string;
  /** The folder in which workloads leave results. */
  readonly results: string;
  /** What the platform follows, by the ids of the tasks. */
  readonly workloads = new Map<string, EmulatedWorkload>();
  /** What was done to the node. */
  readonly history: string[] = [];
  readonly #log: string[] = [];
  readonly #mark = `CHAOS_MARKER=${crypto.randomUUID()}`;
  #node: NodeProcess | undefined;
  readonly #port = freePort();
  /** Where the node answers over HTTP. */
  readonly #socket: string;
  #startedAt = 0;
  #customer: Customer | undefined;

  private constructor(
    readonly world: World<Mosquitto>,
    readonly disk: SmallDisk | undefined,
    readonly link: CuttableLink,
    readonly random: Random,
    readonly resources: AsyncDisposableStack,
  ) {
    this.ledgers = `${world.folder}/ledgers`;
    this.results = `${world.folder}/results`;
    this.#socket = `${world.folder}/node.sock`;
  }

  /** Starts a node and a customer. */
  static async set(random: Random): Promise<Scene> {
    await using resources = new AsyncDisposableStack();
    const world = resources.use(await World.withMosquitto({ saveEveryChange: true }));
    const disk = await SmallDisk.mount(world.stateFolder);
    if (disk === undefined) console.warn("Cannot mount a tmpfs: the disk is never full");
    else resources.use(disk);
    const link = resources.use(new CuttableLink(world.broker.port));
    const scene = new Scene(world, disk, link, random, resources.move());
    await world.answerOverMqtt();
    await Deno.mkdir(scene.ledgers);
    await Deno.mkdir(scene.results);
    scene.#node = await scene.#startNode();
    await scene.#node.logged(READY);
    const [{ uuid }] = world.backend.instances.values();
    scene.#customer = new Customer(world.broker.url, uuid, scene.#socket);
    return scene;
  }

  /** Who sends commands. */
  get customer(): Customer {
    return this.#customer!;
  }

  /** Has a task done, by the platform if it follows it. */
  give(task: Task): void {
    if (task.platform === undefined) return this.customer.give(task, undefined);
    const [{ uuid }] = this.world.backend.instances.values();
    const workload = this.world.backend.createWorkload(uuid);
    this.workloads.set(task.id, workload);
    this.customer.give(task, workload.uuid);
  }

  /** Does something to the node. Does not wait until it is ready again. */
  async strike(): Promise<void> {
    const strike = this.random.pick(STRIKES);
    const pauseMs = this.random.between(0, 400);
    this.#note(strike);
    switch (strike) {
      case "kill node":
      case "stop node":
        await this.#endNode(strike === "kill node" ? "SIGKILL" : "SIGTERM");
        await systemClock.sleep(pauseMs);
        this.#node = await this.#startNode();
        break;
      case "kill broker":
        await this.#killBroker(pauseMs);
        break;
      case "kill both":
        await this.#endNode("SIGKILL");
        await this.#killBroker(pauseMs);
        this.#node = await this.#startNode();
        break;
      case "cut link":
        this.link.cut();
        break;
      case "kill process of workload":
        await this.#killProcess();
        break;
      case "fill disk":
        await this.#fillDisk(pauseMs * 3);
    }
  }

  /** Waits until all is answered, stops the node, and looks for what it left behind. */
  async calm(): Promise<void> {
    const answered = new AbortController();
    let late = false;
    const deadline = systemClock.sleep(PATIENCE_MS, answered.signal)
      .then(() => void (late = true), () => {});
    while (this.customer.unanswered.length > 0 && !late) {
      await Promise.race([this.customer.nextReply(), deadline]);
    }
    while (this.#awaitsAnonymous() && !late) await systemClock.sleep(50);
    const isOpen = ({ status }: EmulatedWorkload) => !END.test(status);
    while (this.workloads.values().some(isOpen) && !late) await systemClock.sleep(50);
    answered.abort();
    const open = this.workloads.entries().filter(([, workload]) => isOpen(workload));
    this.problems.push(...open.map(([id, { status }]) => `${id} is still ${status}`));
    // So it ends workers and servers, too.
    await this.#endNode("SIGQUIT");
    let left: ProcessEntry[] = [];
    for (let look = 0; look < 20; look++) {
      left = await processesWith(this.#mark, this.#node!.pid);
      if (left.length === 0) return;
      await systemClock.sleep(100);
    }
    this.problems.push(...left.map(({ pid, command }) => `process ${pid} is left: ${command}`));
  }

  /** What the nodes logged about a command. */
  logOf(id: string): string[] {
    return this.#log.filter((line) => new RegExp(`\\b${id}\\b`).test(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#customer?.[Symbol.asyncDispose]();
    await this.#node?.[Symbol.asyncDispose]();
    if (this.#node !== undefined) {
      for (const entry of await processesWith(this.#mark, this.#node.pid)) killProcess(entry);
    }
    await this.resources.disposeAsync();
  }

  /** Whether a command without a request id may still run: it is known by its reply alone. */
  #awaitsAnonymous(): boolean {
    const since = performance.now() - ANONYMOUS_PATIENCE_MS;
    return this.customer.courses.values().some(({ task, sentAt, replies }) =>
      task.sent === "without request id" && replies.length === 0 && sentAt > since
    );
  }

  #note(what: string): void {
    this.history.push(`${new Date().toISOString()} ${what}`);
  }

  #startNode(): Promise<NodeProcess> {
    const script = new URL("workload.sh", import.meta.url).pathname;
    const template = `exec bash '${script}' {body}`;
    const model = `exec python3 ${new URL("model.py", import.meta.url).pathname}`;
    const url = `http://127.0.0.1:${this.#port}`;
    const ready = { url, every: 0.1 };
    const [name, value] = this.#mark.split("=");
    this.#startedAt = performance.now();
    return NodeProcess.spawn(this.world, {
      yaml: {
        inference: template,
        training: { worker: `${model} worker`, workers: 2 },
        simulate: { server: `${model} server ${this.#port}`, url, ready, concurrency: 2 },
        concurrency: { inference: 6 },
        timeout: { simulate: SIMULATE_TIMEOUT },
        max_output: "20 KB",
        results_folder: this.results,
        http: `unix:${this.#socket}`,
      },
      env: {
        CYBERWAVE_MQTT_PORT: String(this.link.port),
        CHAOS_LEDGERS: this.ledgers,
        CHAOS_TOKEN: this.world.backend.token,
        [name]: value,
      },
    });
  }

  async #killBroker(pauseMs: number): Promise<void> {
    this.happenings.brokerKilled();
    await this.world.broker.kill();
    await systemClock.sleep(pauseMs);
    await this.world.broker.restart();
  }

  async #killProcess(): Promise<void> {
    const entries = await processesWith(this.#mark, this.#node!.pid);
    if (entries.length === 0) return;
    const victim = entries[Math.floor(this.random.fraction() * entries.length)];
    this.#note(`killed ${victim.pid} of session ${victim.session}: ${victim.command}`);
    this.happenings.processKilled(victim.session);
    killProcess(victim);
  }

  /** Fills the disk for a while. A node that starts meanwhile may end, and is started again. */
  async #fillDisk(pauseMs: number): Promise<void> {
    if (this.disk === undefined) return;
    const endFull = this.happenings.diskFull();
    await this.disk.fill();
    await systemClock.sleep(pauseMs / 2);
    if (this.random.chance(0.3)) {
      await this.#endNode("SIGKILL");
      this.#node = await this.#startNode();
    }
    await systemClock.sleep(pauseMs / 2);
    await this.disk.empty();
    endFull();
    if (!await this.#isReady()) this.#node = await this.#startNode();
  }

  /** Waits until the node is ready, or has ended: whether it is ready. */
  async #isReady(): Promise<boolean> {
    const node = this.#node!;
    let hasEnded = false;
    node.ended.then(() => hasEnded = true);
    while (!node.log.all.some((line) => line.includes(READY))) {
      if (hasEnded) return false;
      await systemClock.sleep(20);
    }
    return true;
  }

  async #endNode(signal: "SIGKILL" | "SIGTERM" | "SIGQUIT"): Promise<void> {
    const node = this.#node!;
    this.happenings.nodeEnded();
    const status = await node.kill(signal);
    this.#log.push(...node.log.all);
    this.#note(`the node was ended with ${signal}`);
    // A runtime that was started just now has not come to the program, which catches signals.
    const isYoung = performance.now() - this.#startedAt < RUNTIME_STARTS_MS;
    const expected = signal !== "SIGKILL"
      ? status.code === 0 || (status.signal === signal && isYoung && node.log.all.length === 0)
      : status.signal === "SIGKILL";
    if (expected || foundNoSpace(node, status)) return;
    this.problems.push(
      `the node was sent ${signal} and ended with ${Deno.inspect(status)}`,
      ...node.log.all.slice(-20),
    );
  }
}

/** Whether a node could not start for want of space: it says so, and has promised nothing yet. */
function foundNoSpace({ log }: NodeProcess, { code }: Deno.CommandStatus): boolean {
  return code === 1 && log.all.some((line) => line.includes("disk is full")) &&
    !log.all.some((line) => line.includes(READY));
}

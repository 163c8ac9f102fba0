/** Kills the node and the broker over and over while they work, and checks that no promise breaks. */
import { NodeProcess } from "../support/node_process.ts";
import type { EmulatedWorkload } from "../../src/dev/rest_front_end.ts";
import { World } from "../support/world.ts";
import type { Mosquitto } from "../support/mosquitto.ts";
import { systemClock } from "../../src/time.ts";
import { Customer } from "./customer.ts";
import { processesWith } from "./processes.ts";
import { Random } from "./random.ts";
import { followedProblems, resultProblems } from "./followed.ts";
import { inventTask, problemsOf, type Task, wasRefused } from "./task.ts";

/** What makes one run. */
export interface ChaosOptions {
  /** Where chance begins: the same seed makes the same plan. */
  readonly seed: number;
  /** How often something is killed and started again. */
  readonly cycles: number;
}

/** What came of it. */
export interface ChaosReport {
  /** Every broken promise; empty when all is well. */
  readonly problems: readonly string[];
  /** How many commands were sent. */
  readonly tasks: number;
  /** How many replies came. */
  readonly replies: number;
  /** How many commands the platform followed, and how many of these were refused. */
  readonly followed: number;
  readonly refused: number;
}

/** What a node logs when it is ready. */
const READY = "is ready: waiting for commands";

/** The statuses that are the end of a workload. */
const END = /^(completed|failed|cancelled)$/;

/** How long all that was sent may take to be answered once nothing is killed any more. */
const PATIENCE_MS = 60_000;

/** Runs the chaos test once. */
export async function chaos({ seed, cycles }: ChaosOptions): Promise<ChaosReport> {
  const random = new Random(seed);
  await using world = await World.withMosquitto({ saveEveryChange: true });
  await using scene = await Scene.set(world);
  const { customer } = scene;
  let number = 0;
  for (let cycle = 0; cycle < cycles; cycle++) {
    for (let count = Math.floor(random.between(0, 9)); count > 0; count--) {
      await systemClock.sleep(random.between(0, 50));
      scene.give(inventTask(number++, random));
    }
    await systemClock.sleep(
      random.chance(0.2) ? random.between(0, 100) : random.between(100, 1500),
    );
    await scene.strike(random.pick({ node: 6, broker: 2, both: 1 }), random.between(0, 400));
  }
  await scene.calm();
  const problems = [...scene.problems, ...scene.problemsOfResults()];
  for (const task of customer.tasks) {
    for (const problem of await scene.problemsOf(task)) {
      problems.push(`${task.id} ${JSON.stringify(task)}: ${problem}`);
      problems.push(...scene.logOf(task.id));
    }
  }
  const { tasks } = customer;
  const followed = tasks.filter(({ platform }) => platform !== undefined);
  return {
    problems,
    tasks: tasks.length,
    replies: tasks.reduce((sum, task) => sum + customer.repliesTo(task).length, 0),
    followed: followed.length,
    refused: followed.filter((task) => wasRefused(customer.repliesTo(task))).length,
  };
}

/** A node and a customer around a broker, and whoever kills them. */
class Scene implements AsyncDisposable {
  readonly problems: string[] = [];
  readonly #log: string[] = [];
  readonly #marker = `CHAOS_MARKER=${crypto.randomUUID()}`;
  readonly #ledgers: string;
  readonly #results: string;
  /** What the platform follows, by the ids of the tasks. */
  readonly #workloads = new Map<string, EmulatedWorkload>();
  #node: NodeProcess | undefined;
  #customer: Customer | undefined;

  private constructor(readonly world: World<Mosquitto>) {
    this.#ledgers = `${world.folder}/ledgers`;
    this.#results = `${world.folder}/results`;
  }

  /** Starts a node and a customer. */
  static async set(world: World<Mosquitto>): Promise<Scene> {
    const scene = new Scene(world);
    await world.answerOverMqtt();
    await Deno.mkdir(scene.#ledgers);
    await Deno.mkdir(scene.#results);
    scene.#node = await scene.#startNode();
    await scene.#node.logged(READY);
    const [{ uuid }] = world.backend.instances.values();
    scene.#customer = new Customer(world.broker.url, uuid);
    return scene;
  }

  /** Has a task done, by the platform if it follows it. */
  give(task: Task): void {
    if (task.platform === undefined) return this.customer.give(task, undefined);
    const [{ uuid }] = this.world.backend.instances.values();
    const workload = this.world.backend.createWorkload(uuid);
    this.#workloads.set(task.id, workload);
    this.customer.give(task, workload.uuid);
  }

  /** Who sends commands. */
  get customer(): Customer {
    return this.#customer!;
  }

  /** Kills, and starts again after a while. Does not wait until the node is ready. */
  async strike(victim: "node" | "broker" | "both", pauseMs: number): Promise<void> {
    const { broker } = this.world;
    if (victim !== "broker") await this.#endNode("SIGKILL");
    if (victim !== "node") await broker.kill();
    await systemClock.sleep(pauseMs);
    if (victim !== "node") await broker.restart();
    if (victim !== "broker") this.#node = await this.#startNode();
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
    const isOpen = ({ status }: EmulatedWorkload) => !END.test(status);
    while (this.#workloads.values().some(isOpen) && !late) await systemClock.sleep(50);
    answered.abort();
    // Before that a signal would end it as it ends any program.
    if (!this.#node!.log.all.some((line) => line.includes(READY))) await this.#node!.logged(READY);
    await this.#endNode("SIGTERM");
    for (let look = 0; look < 20; look++) {
      if ((await processesWith(this.#marker)).length === 0) return;
      await systemClock.sleep(100);
    }
    this.problems.push(...await processesWith(this.#marker));
  }

  /** What is wrong with how a task went, for the customer and for the platform. */
  async problemsOf(task: Task): Promise<string[]> {
    // What the workload wrote about itself.
    const ledger = await Deno.readTextFile(`${this.#ledgers}/${task.id}`).catch(() => "");
    const replies = this.customer.repliesTo(task);
    const workload = this.#workloads.get(task.id);
    return [
      ...problemsOf(task, ledger, replies),
      ...(workload === undefined ? [] : followedProblems(workload, replies)),
    ];
  }

  /** What is wrong with the results that all workloads left together. */
  problemsOfResults(): string[] {
    const succeeded = this.customer.tasks.filter((task) =>
      this.#workloads.get(task.id)?.statuses.some(({ success }) => success === true)
    );
    const left = Array.from(Deno.readDirSync(this.#results), ({ name }) => `${name} is left`);
    return [...left, ...resultProblems(succeeded, [...this.#workloads.values()])];
  }

  /** What the nodes logged about a command. */
  logOf(id: string): string[] {
    return this.#log.filter((line) => new RegExp(`\\b${id}\\b|the node`).test(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#customer?.[Symbol.asyncDispose]();
    await this.#node?.[Symbol.asyncDispose]();
  }

  #startNode(): Promise<NodeProcess> {
    const script = new URL("workload.sh", import.meta.url).pathname;
    const template = `exec bash '${script}' {body}`;
    const [name, value] = this.#marker.split("=");
    return NodeProcess.spawn(this.world, {
      yaml: {
        inference: template,
        training: template,
        concurrency: { inference: 6, training: 3 },
        max_output: "20 KB",
        results_folder: this.#results,
      },
      env: {
        CHAOS_LEDGERS: this.#ledgers,
        CHAOS_TOKEN: this.world.backend.token,
        [name]: value,
      },
    });
  }

  async #endNode(signal: Deno.Signal): Promise<void> {
    const node = this.#node!;
    const status = await node.kill(signal);
    this.#log.push(...node.log.all, `the node was ended with ${signal}`);
    const expected = signal === "SIGKILL" ? status.signal === "SIGKILL" : status.code === 0;
    if (!expected) {
      this.problems.push(
        `the node ended by itself: ${Deno.inspect(status)}`,
        ...node.log.all.slice(-20),
      );
    }
  }
}

/** A fleet of simulated nodes in a few processes at one broker, and what it costs. */
import { fileURLToPath } from "node:url";
import { linesOf } from "../support/lines.ts";
import type { Mosquitto } from "../support/mosquitto.ts";
import { World } from "../support/world.ts";
import type { SimulationNote, SimulationOptions } from "./simulated_nodes.ts";

/** How large the fleet is, and how long it is watched. */
export interface FleetOptions {
  readonly nodes: number;
  readonly processes: number;
  readonly heartbeatSeconds: number;
  /** How long the fleet is idle while it is measured. */
  readonly idleSeconds: number;
}

/** What it costs. */
export interface FleetReport extends FleetOptions {
  readonly startSeconds: number;
  /** For each node: resident memory beyond that of a process with one node. */
  readonly mebibytesPerNode: number;
  /** For each node: milliseconds of CPU a second, while it is idle. */
  readonly cpuPerNode: number;
  /** The broker's CPU meanwhile: milliseconds a second. */
  readonly brokerCpu: number;
  /** How many heartbeats came, and by how many milliseconds they were late at most, and in 99 of 100. */
  readonly heartbeats: { readonly count: number; readonly latest: number; readonly p99: number };
  /** After a restart of the broker: when nodes were connected again, in milliseconds. */
  readonly reconnected: {
    readonly count: number;
    readonly first: number;
    readonly median: number;
    readonly last: number;
    /** The most that came in one tenth of a second. */
    readonly peak: number;
  };
}

const WORKER = fileURLToPath(new URL("./simulated_nodes.ts", import.meta.url));

/** Runs the fleet and measures it. */
export async function runFleet(options: FleetOptions): Promise<FleetReport> {
  const { nodes, processes, heartbeatSeconds, idleSeconds } = options;
  await using world = await World.withMosquitto();
  await using fleet = new Workers();
  const startedAt = performance.now();
  const config = world.config({
    ...{ heartbeatInterval: heartbeatSeconds, logStreamInterval: 0, uploadResults: false },
    stateFolder: undefined,
  });
  const names = Array.from({ length: nodes }, (_, index) => `sim-${index}`);
  const alone = await memoryOfOne(world, config);
  await Promise.all(Array.from({ length: processes }, (_, part) => {
    const own = names.filter((_, index) => index % processes === part);
    return fleet.start({ names: own, folder: world.folder, config });
  }));
  const startSeconds = (performance.now() - startedAt) / 1000;

  await fleet.notes();
  const cpuBefore = fleet.cpu();
  const brokerBefore = cpuOf(world.broker.pid!);
  const since = performance.now();
  await new Promise((resolve) => setTimeout(resolve, idleSeconds * 1000));
  const seconds = (performance.now() - since) / 1000;
  const cpu = fleet.cpu() - cpuBefore;
  const brokerCpu = cpuOf(world.broker.pid!) - brokerBefore;
  const memory = fleet.memory();
  const beats = await fleet.notes();

  const restartedAt = await restart(world.broker);
  const times = await fleet.connected(nodes);
  return {
    ...options,
    startSeconds,
    mebibytesPerNode: (memory - processes * alone) / (nodes - processes),
    cpuPerNode: cpu / seconds / nodes,
    brokerCpu: brokerCpu / seconds,
    heartbeats: lateness(beats, heartbeatSeconds * 1000),
    reconnected: spread(times.map((time) => time - restartedAt)),
  };
}

/** Restarts a broker by force. Resolves with when it took connections again. */
async function restart(broker: Mosquitto): Promise<number> {
  await broker.kill();
  await broker.restart();
  return Date.now();
}

/** What a process takes that has everything loaded and one node. */
async function memoryOfOne(
  world: World<Mosquitto>,
  config: SimulationOptions["config"],
): Promise<number> {
  await using alone = new Workers();
  await alone.start({ names: ["alone"], folder: world.folder, config });
  return alone.memory();
}

/** By how much heartbeats came later than they should after the one before. Pure. */
export function lateness(
  notes: readonly SimulationNote[],
  intervalMs: number,
): FleetReport["heartbeats"] {
  const late: number[] = [];
  for (const { heartbeats } of notes) {
    for (const times of Object.values(heartbeats)) {
      times.slice(1).forEach((time, index) => late.push(time - times[index]! - intervalMs));
    }
  }
  late.sort((a, b) => a - b);
  const at = (share: number) => late[Math.max(0, Math.ceil(late.length * share) - 1)] ?? 0;
  return { count: late.length, latest: at(1), p99: at(0.99) };
}

/** How connections are spread over time. Pure. */
export function spread(times: readonly number[]): FleetReport["reconnected"] {
  const sorted = times.toSorted((a, b) => a - b);
  const tenths = Object.groupBy(sorted, (time) => Math.floor(time / 100));
  return {
    count: sorted.length,
    first: sorted[0] ?? 0,
    median: sorted[Math.floor(sorted.length / 2)] ?? 0,
    last: sorted.at(-1) ?? 0,
    peak: Math.max(0, ...Object.values(tenths).map((tenth) => tenth!.length)),
  };
}

/** The processes. */
class Workers implements AsyncDisposable {
  readonly #workers: Worker[] = [];

  async start(options: SimulationOptions): Promise<void> {
    const worker = new Worker(options);
    this.#workers.push(worker);
    await worker.answer();
  }

  /** What happened since the last time. */
  async notes(): Promise<SimulationNote[]> {
    return await Promise.all(this.#workers.map((worker) => worker.ask<SimulationNote>("note")));
  }

  /** When nodes were connected, once that is true of so many. */
  async connected(count: number): Promise<number[]> {
    const times: number[] = [];
    while (times.length < count) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      times.push(...(await this.notes()).flatMap(({ connected }) => connected));
    }
    return times;
  }

  /** In milliseconds. */
  cpu(): number {
    return this.#workers.reduce((sum, { pid }) => sum + cpuOf(pid), 0);
  }

  /** In MiB. */
  memory(): number {
    return this.#workers.reduce((sum, { pid }) => sum + memoryOf(pid), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker[Symbol.asyncDispose]()));
  }
}

/** A process with nodes. */
class Worker implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncGenerator<string>;

  constructor(options: SimulationOptions) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", WORKER, JSON.stringify(options)],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#lines = linesOf(this.#child.stdout);
  }

  get pid(): number {
    return this.#child.pid;
  }

  async ask<T>(question: string): Promise<T> {
    await this.#input.write(new TextEncoder().encode(`${question}\n`));
    return JSON.parse(await this.answer());
  }

  async answer(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("A process of the simulation has ended");
    return value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.ask("stop").catch(() => {});
    await this.#input.close().catch(() => {});
    await this.#lines.return(undefined);
    await this.#child.status;
  }
}

const TICKS_PER_SECOND = 100;

/** The CPU time of a process, in milliseconds. */
function cpuOf(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 1000 / TICKS_PER_SECOND;
}

function memoryOf(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) / 1024;
}

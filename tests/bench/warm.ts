/** Commands of a worker that stays loaded, beside the worker itself and beside loading it for each. */
import { join } from "node:path";
import type { Measure, Result, Site } from "./measure.ts";
import {
  ASK_EVERY_MS,
  prepareNode,
  type Responder,
  startEcho,
  startNode,
  type WorkerConfig,
} from "./node.ts";
import { PipedWorker, workerCommand, type WorkerOptions } from "./piped_worker.ts";
import { Program } from "./program.ts";
import { type Burst, burst, duration, median, percentile, REST_MS, samplesOf } from "./sampling.ts";

/** Commands in the worker's hands while many are sent. */
const PARALLEL = 16;

/** How long workers take to answer, in seconds: the last one as long as a small model. */
const ANSWER_SECONDS = [0.0002, 0.002];

/** Far longer than a node takes to restart. */
const KEEP_LOADED_SECONDS = 30;

/** Those who answer: each alone, and the node in which they are together. */
interface Bench extends AsyncDisposable {
  readonly echo: Responder;
  readonly worker: PipedWorker;
  readonly node: Responder;
}

/** One command after the other, and after a rest, and a program that loads for each command. */
export const warm: Measure = {
  name: "warm",
  async run(site, { bursts, queued, latencies: count, processes, loadSeconds }) {
    await using bench = await startBench(site, 1);
    const load = `python3 -c 'import time; time.sleep(${loadSeconds})'`;
    await using cold = await startNode(site, { inference: load });
    const floor = () => echoAndWorker(bench);
    const node = () => bench.node.caller.run("inference");
    const inARow = (action: () => Promise<void>) => () =>
      burst(action, { count: queued, parallel: 1 });
    const busy = await samplesOf({ floor: inARow(floor), node: inARow(node) }, bursts);
    const rested = await samplesOf({
      floor: () => duration(floor),
      node: () => duration(node),
    }, count);
    const { loading } = await samplesOf({
      loading: () => duration(() => cold.caller.run("inference")),
    }, processes);
    const goals = { p50: 1, p99: 5 };
    return [
      ...latencies("warm commands in a row", allOf(busy.node), allOf(busy.floor), goals),
      ...latencies(`a warm command after ${REST_MS} ms of rest`, rested.node, rested.floor),
      {
        name: `a cold command that loads for ${loadSeconds} s, p50`,
        value: median(loading),
        unit: "ms",
        floor: { value: median(rested.node), is: "warm command" },
        goal: { of: "ratio", atLeast: 100 },
      },
    ];
  },
};

/** Sixteen commands at a time. */
export const warmAtOnce: Measure = {
  name: "warm at once",
  async run(site, { bursts, queued: count }) {
    await using bench = await startBench(site, PARALLEL);
    const many = (action: () => Promise<void>) => () =>
      burst(action, { count, parallel: PARALLEL });
    const { echo, worker, floor, node } = await samplesOf({
      echo: many(() => bench.echo.caller.run("inference")),
      worker: many(() => bench.worker.call()),
      floor: many(() => echoAndWorker(bench)),
      node: many(() => bench.node.caller.run("inference")),
    }, bursts);
    return [
      ...latencies(`${PARALLEL} warm commands at a time`, allOf(node), allOf(floor)),
      throughput(`${PARALLEL} warm commands at a time`, { echo, worker, node }),
    ];
  },
};

/** The same with workers that take a while for an answer. */
export const warmModel: Measure = {
  name: "warm model",
  async run(site, { bursts, queued: count }) {
    const results: Result[] = [];
    for (const seconds of ANSWER_SECONDS) {
      await using bench = await startBench(site, PARALLEL, seconds);
      const many = (action: () => Promise<void>) => () =>
        burst(action, { count, parallel: PARALLEL });
      const rates = await samplesOf({
        echo: many(() => bench.echo.caller.run("inference")),
        worker: many(() => bench.worker.call()),
        node: many(() => bench.node.caller.run("inference")),
      }, bursts);
      const answers = `answers of ${seconds * 1000} ms`;
      results.push(throughput(`${PARALLEL} warm commands at a time, ${answers}`, rates));
    }
    return results;
  },
};

/** A node that is restarted finds its worker loaded. */
export const warmRestart: Measure = {
  name: "warm restart",
  async run(site, { loadSeconds }) {
    const loads = join(site.folder, "restarted.loads");
    const inference = workerConfig({ loads, loadSeconds }, 1, KEEP_LOADED_SECONDS);
    await using prepared = await prepareNode(site, { inference });
    const runOne = async (signal: Deno.Signal) => {
      await using program = new Program(prepared.options, signal);
      await Promise.race([prepared.caller.answered(ASK_EVERY_MS), program.failed]);
      await prepared.caller.run("inference");
      return countLoads(loads);
    };
    const before = await runOne("SIGKILL");
    // SIGQUIT drains the node, which ends the worker as well.
    const after = await runOne("SIGQUIT");
    return [{
      name: "models loaded by a restarted node",
      value: after - before,
      unit: "loads",
      goal: { of: "value", atMost: 0 },
    }];
  },
};

async function startBench(site: Site, concurrency: number, answerSeconds = 0): Promise<Bench> {
  await using stack = new AsyncDisposableStack();
  const options = { loads: join(site.folder, "loads"), answerSeconds };
  const echo = stack.use(await startEcho(site));
  const worker = stack.use(await PipedWorker.start(workerCommand(options)));
  const inference = workerConfig(options, concurrency, 0);
  const node = stack.use(await startNode(site, { inference }));
  // It waits until the worker is loaded.
  await node.caller.run("inference");
  const moved = stack.move();
  return { echo, worker, node, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

/** A worker in the node's settings. */
function workerConfig(
  options: WorkerOptions,
  concurrency: number,
  keepLoaded: number,
): WorkerConfig {
  const worker = workerCommand(options).map((word) => `'${word}'`).join(" ");
  return { worker, concurrency, keep_loaded: keepLoaded };
}

async function echoAndWorker({ echo, worker }: Bench): Promise<void> {
  await echo.caller.run("inference");
  await worker.call();
}

/** Median and 99th percentile, with the milliseconds that a node may add to its floor. */
function latencies(
  name: string,
  samples: readonly number[],
  floor: readonly number[],
  added?: { readonly p50: number; readonly p99: number },
): Result[] {
  return ([["p50", 50], ["p99", 99]] as const).map(([label, percent]) => ({
    name: `${name}, ${label}`,
    value: percentile(samples, percent),
    unit: "ms",
    floor: { value: percentile(floor, percent), is: "echo + worker" },
    ...(added && { goal: { of: "difference", atMost: added[label] } }),
  }));
}

/** Commands per second. */
function throughput(
  name: string,
  { echo, worker, node }: Record<"echo" | "worker" | "node", readonly Burst[]>,
): Result {
  return {
    name: `${name}: how many a second`,
    value: rateOf(node),
    unit: "/s",
    floor: { value: Math.min(rateOf(echo), rateOf(worker)), is: "slower of echo and worker" },
    goal: { of: "ratio", atLeast: 0.6 },
  };
}

function allOf(bursts: readonly Burst[]): number[] {
  return bursts.flatMap(({ latencies }) => latencies);
}

function rateOf(bursts: readonly Burst[]): number {
  return median(bursts.map(({ perSecond }) => perSecond));
}

async function countLoads(file: string): Promise<number> {
  return (await Deno.readTextFile(file)).split("\n").length - 1;
}

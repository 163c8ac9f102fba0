/**
 * Many nodes in this process: the real program, whose commands a function of this process runs. The
 * options come as JSON in the first argument; each line on standard input is answered with a line of
 * JSON: `note` with what happened since the last one, `stop` with `{}` once all have stopped.
 */
import { CloudNode } from "../../src/cloud_node.ts";
import type { CloudNodeConfig } from "../../src/config/node_config.ts";
import { linesOf } from "../support/lines.ts";

/** What the nodes are made from. */
export interface SimulationOptions {
  readonly names: readonly string[];
  /** The folder in which each has its state. */
  readonly folder: string;
  readonly config: CloudNodeConfig;
}

/** What happened to them, at times in milliseconds since the epoch. */
export interface SimulationNote {
  /** The heartbeats that the backend took, by node. */
  readonly heartbeats: Readonly<Record<string, readonly number[]>>;
  /** When nodes were connected to the broker. */
  readonly connected: readonly number[];
}

/** How many are started at a time. */
const STARTING = 8;

if (import.meta.main) await simulate(JSON.parse(Deno.args[0]!));

async function simulate({ names, folder, config }: SimulationOptions): Promise<void> {
  let heartbeats: Record<string, number[]> = {};
  let connected: number[] = [];
  const nodes: CloudNode[] = [];
  const runs: Promise<unknown>[] = [];
  const start = async (name: string) => {
    const node = new CloudNode({
      config: { ...config, stateFolder: `${folder}/${name}` },
      slug: name,
      handlers: { inference: () => "done" },
      env: { PATH: Deno.env.get("PATH")!, HOME: folder },
    });
    node.on("heartbeat", ({ at }) => (heartbeats[name] ??= []).push(at));
    node.on("connection", ({ isConnected }) => {
      if (isConnected) connected.push(Date.now());
    });
    const ready = Promise.withResolvers<void>();
    runs.push(node.run({ onReady: () => ready.resolve() }).catch(ready.reject));
    nodes.push(node);
    await ready.promise;
  };
  const left = [...names];
  await Promise.all(Array.from({ length: STARTING }, async () => {
    for (let name; (name = left.shift()) !== undefined;) await start(name);
  }));
  console.log("{}");
  for await (const line of linesOf(Deno.stdin.readable)) {
    if (line === "stop") break;
    console.log(JSON.stringify({ heartbeats, connected } satisfies SimulationNote));
    [heartbeats, connected] = [{}, []];
  }
  await Promise.all(nodes.map((node) => node.stop()));
  await Promise.all(runs);
  console.log("{}");
}

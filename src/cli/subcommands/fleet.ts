/**
 * `fleet`: all nodes of a pool at once.
 *
 * @module
 */
import { ClientSession } from "../../client/client_session.ts";
import { type CommandReply, NoReplyError } from "../../client/command_reply.ts";
import { type NodeStatus, readNodeStatus } from "../../client/node_status.ts";
import type { Settings } from "../../config/config.ts";
import { BrokerError, ConfigError, counted, messageOf, quoted } from "../../errors.ts";
import { createLogger } from "../../log.ts";
import { tlsOf } from "../../node/create/broker_settings.ts";
import { topicPrefix } from "../../protocol/topics.ts";
import { systemClock, timeInWords } from "../../time.ts";
import type { Arguments } from "../arguments.ts";
import { COMMAND_FAILED } from "../exit_codes.ts";
import { duration, table } from "../terminal/layout.ts";
import { useSettings } from "../load_settings.ts";
import { readParams } from "./run_inputs.ts";
import { harmless, print, report } from "../terminal/terminal.ts";

const WAIT_SECONDS = 2;
const CONNECT_SECONDS = 30;

/** How often a node that drains is asked whether it is still there. */
const ASK_AGAIN_MS = 1_000;

/** The exit code when there is no node, or not what was asked for. */
const NOT_DONE = 1;

/** A node of the fleet. */
interface FleetNode {
  readonly status: NodeStatus;
  /** What it answered, as it came. */
  readonly answer: Readonly<Record<string, unknown>>;
}

/** Carries the action out. */
export async function run(args: Arguments): Promise<number> {
  const [action = "", command, params] = args.operands;
  const isKnown = ["ps", "run", "drain"].includes(action);
  if (!isKnown) {
    throw new ConfigError(`${quoted("fleet")} cannot ${quoted(action)}`, {
      hint: "It can ps, run, drain",
    });
  }
  if (action === "run" && command === undefined) {
    throw new ConfigError('"fleet run" needs a command', { hint: "Such as: fleet run status" });
  }
  if (action !== "run" && command !== undefined) {
    throw new ConfigError(`"fleet ${action}" takes no argument ${quoted(command)}`);
  }
  const sent = action === "run" ? await readParams(params ?? "{}", []) : undefined;
  const { settings } = await useSettings(args);
  const { pool } = settings;
  if (pool === undefined) {
    throw new ConfigError("No pool is given", { hint: "Give --pool NAME" });
  }
  await using fleet = await Fleet.open(pool, settings, args);
  const nodes = await fleet.nodes();
  const missing = fleet.missing(nodes);
  if (missing.length > 0) {
    report(`No answer from ${missing.map((slug) => quoted(slug)).join(", ")}`);
    if (action !== "ps") return NOT_DONE;
  }
  if (nodes.length === 0 && action !== "ps") {
    report(`No node of the pool ${quoted(pool)} answers`);
    return NOT_DONE;
  }
  switch (action) {
    case "ps":
      return showNodes(pool, nodes, args);
    case "run":
      return await runOnAll(fleet, nodes, command!, sent!.text, args);
    default:
      return await drainInTurn(fleet, nodes, args);
  }
}

/** The nodes of a pool, over one connection. */
class Fleet implements AsyncDisposable {
  readonly #session: ClientSession;
  readonly #pool: string;
  readonly #waitMs: number;
  readonly #only: readonly string[];
  /** The invalid answers that were reported: nodes are asked repeatedly. */
  readonly #reported = new Set<string>();
  readonly #never = new AbortController().signal;

  private constructor(session: ClientSession, pool: string, args: Arguments) {
    this.#session = session;
    this.#pool = pool;
    this.#waitMs = (args.seconds("wait") ?? WAIT_SECONDS) * 1000;
    this.#only = args.values("node");
  }

  static async open(pool: string, settings: Settings, args: Arguments): Promise<Fleet> {
    const { mqttHost: host, mqttPort: port, mqttUsername, mqttPassword, token } = settings;
    const session = await ClientSession.open({
      broker: {
        ...{ host, port, tls: tlsOf(settings) },
        username: mqttUsername ?? pool,
        password: mqttPassword ?? token,
      },
      topicPrefix: topicPrefix(settings.environment),
      address: { pool },
      logger: createLogger("mqtt"),
    }, AbortSignal.timeout(CONNECT_SECONDS * 1000));
    return new Fleet(session, pool, args);
  }

  /** Those of the nodes `wanted` that answer in time, ordered by their slugs. Default: of all. */
  async nodes(wanted: readonly string[] = this.#only): Promise<FleetNode[]> {
    const replies = await this.#session.survey(this.#pool, wanted, this.#waitMs, this.#never);
    return replies.flatMap((reply) => this.#read(reply))
      .filter(({ status: { slug } }) => wanted.length === 0 || wanted.includes(slug))
      .toSorted((a, b) => a.status.slug < b.status.slug ? -1 : 1);
  }

  /** Those that were named and are not among `nodes`. */
  missing(nodes: readonly FleetNode[]): string[] {
    const there = new Set(nodes.map(({ status: { slug } }) => slug));
    return this.#only.filter((slug) => !there.has(slug));
  }

  /** Reads the status of a node. An invalid one is reported and left out. */
  #read({ status: outcome, output, instanceUuid, slug }: CommandReply): FleetNode[] {
    if (outcome !== "ok") return [];
    try {
      const status = readNodeStatus(output);
      if (instanceUuid === "" || status.instanceUuid !== instanceUuid) {
        throw new BrokerError("The node's answer to status is that of another node");
      }
      return [{ status, answer: JSON.parse(output) }];
    } catch (error) {
      const line = `Left out ${quoted(slug || instanceUuid)}: ${messageOf(error)}`;
      if (!this.#reported.has(line)) report(line);
      this.#reported.add(line);
      return [];
    }
  }

  /** The reply of a node, good or bad. Rejects when none comes in time. */
  async ask(
    { status: { instanceUuid: uuid, slug } }: FleetNode,
    command: string,
    params: string | undefined,
    seconds: number | undefined,
  ): Promise<CommandReply> {
    const requestId = crypto.randomUUID();
    const over = seconds === undefined ? this.#never : AbortSignal.timeout(seconds * 1000);
    try {
      return await this.#session.call({ command, requestId, params, to: { uuid } }, over);
    } catch (error) {
      if (!over.aborted) throw error;
      throw new NoReplyError(`No reply from ${quoted(slug)} within ${seconds} s`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }
}

function showNodes(pool: string, nodes: readonly FleetNode[], args: Arguments): number {
  if (args.has("json")) {
    print(JSON.stringify({ pool, nodes: nodes.map(({ answer }) => answer) }));
  } else if (nodes.length === 0) {
    print(`No node of the pool ${quoted(pool)} answers`);
  } else {
    for (const line of fleetTable(nodes.map(({ status }) => status), Date.now())) print(line);
  }
  return 0;
}

/** The nodes as lines of text. */
export function fleetTable(nodes: readonly NodeStatus[], now: number): string[] {
  const rows = nodes.map((node) => {
    const lanes = Object.entries(node.lanes);
    const state = node.isDraining ? "draining" : node.isBusy ? "busy" : "idle";
    const load = lanes.map(([kind, { running, concurrency }]) =>
      `${kind} ${running}/${concurrency}`
    );
    const up = node.startedAt === undefined ? "-" : duration(now - node.startedAt);
    return [
      ...[node.slug, state, load.join(", ") || "-", String(node.queued)],
      ...[up, node.version || "-", node.instanceUuid],
    ].map(harmless);
  });
  return table([["NODE", "STATE", "RUNNING", "QUEUED", "UP", "VERSION", "UUID"], ...rows]);
}

/** Sends a command to each node, to all at once. */
async function runOnAll(
  fleet: Fleet,
  nodes: readonly FleetNode[],
  command: string,
  params: string,
  args: Arguments,
): Promise<number> {
  const timeout = args.seconds("timeout");
  const results = await Promise.all(nodes.map(async (node) => {
    const { slug, instanceUuid } = node.status;
    try {
      const reply = await fleet.ask(node, command, params, timeout);
      return { ok: reply.status === "ok", slug, message: reply.message, text: textOf(reply) };
    } catch (error) {
      const problem = messageOf(error);
      const message = { status: "error", slug, instance_uuid: instanceUuid, error: problem };
      return { ok: false, slug, message, text: problem };
    }
  }));
  if (args.has("json")) print(JSON.stringify({ replies: results.map(({ message }) => message) }));
  else {
    for (const { slug, ok, text } of results) {
      for (const line of text.split("\n")) (ok ? print : report)(harmless(`${slug}: ${line}`));
    }
  }
  return results.every(({ ok }) => ok) ? 0 : COMMAND_FAILED;
}

function textOf({ output, error }: CommandReply): string {
  return (output || error).trimEnd();
}

/** Drains the nodes one after another. */
async function drainInTurn(
  fleet: Fleet,
  nodes: readonly FleetNode[],
  args: Arguments,
): Promise<number> {
  const back = args.seconds("back");
  const drained: string[] = [];
  let problem: string | undefined;
  try {
    for (const node of nodes) {
      const { slug } = node.status;
      report(harmless(`${slug}: draining`));
      const reply = await fleet.ask(node, "drain", undefined, CONNECT_SECONDS);
      if (reply.status !== "ok") throw new BrokerError(`${slug} refused: ${reply.error}`);
      const took = await until(
        fleet,
        node,
        (found) => found === undefined,
        args.seconds("timeout"),
      );
      drained.push(slug);
      report(harmless(`${slug}: stopped within ${timeInWords(took)}`));
      if (back === undefined) continue;
      await until(fleet, node, (found) => found?.isDraining === false, back);
      report(harmless(`${slug}: back`));
    }
  } catch (error) {
    problem = messageOf(error);
  }
  const left = nodes.map(({ status: { slug } }) => slug).filter((slug) => !drained.includes(slug));
  if (args.has("json")) print(JSON.stringify({ drained, left, error: problem ?? null }));
  if (problem === undefined) return 0;
  report(harmless(`${problem}. Drained ${counted(drained.length, "node")} of ${nodes.length}`));
  return NOT_DONE;
}

/** Waits until `isSo` holds for a node; `undefined`: it has stopped, or was started again. */
async function until(
  fleet: Fleet,
  { status: { slug, instanceUuid, startedAt } }: FleetNode,
  isSo: (found: NodeStatus | undefined) => boolean,
  seconds: number = Infinity,
): Promise<number> {
  const since = systemClock.monotonic();
  for (let times = 0;;) {
    const nodes = await fleet.nodes([slug]);
    const status = nodes.map(({ status }) => status).find((it) => it.instanceUuid === instanceUuid);
    const isAnother = status !== undefined && status.startedAt !== startedAt;
    times = isSo(status) || (isAnother && isSo(undefined)) ? times + 1 : 0;
    // An answer may come too late once.
    if (times === 2 || (times === 1 && status !== undefined)) {
      return systemClock.monotonic() - since;
    }
    if (systemClock.monotonic() - since > seconds * 1000) {
      throw new NoReplyError(`${slug} is not done after ${seconds} s`);
    }
    await systemClock.sleep(ASK_AGAIN_MS);
  }
}

/**
 * What a program that embeds a node sees of it: views of its events and snapshot, which do not
 * change when the inside of the node does.
 *
 * @module
 */
import type { CommandInfo } from "../commands/command.ts";
import { refuseUnknownKeys } from "../config/known_keys.ts";
import type { Resources } from "../protocol/resources.ts";
import type { Progress } from "../protocol/progress.ts";
import type { NodeEventMap, NodeEvents } from "./events.ts";
import type { NodeIdentity } from "./options.ts";
import type { NodeSnapshot } from "./snapshot.ts";

/**
 * The events of a `CloudNode` by name, and what a listener is given.
 *
 * @example
 * ```ts
 * import { CloudNode, type CloudNodeEvents } from "@cyberwave/cloud-node";
 *
 * const showLight = ({ isConnected }: CloudNodeEvents["connection"]) =>
 *   console.log(isConnected ? "green" : "red");
 * new CloudNode().on("connection", showLight);
 * ```
 */
export interface CloudNodeEvents {
  /** The node waits for commands: once in each run. */
  readonly ready: NodeIdentity;
  /** The connection to the broker was made, or lost. */
  readonly connection: { readonly isConnected: boolean };
  /** The state of the worker or server that runs the commands of a kind has changed. */
  readonly executor: ExecutorChange;
  /** The backend has accepted a heartbeat, at this time in milliseconds since the epoch. */
  readonly heartbeat: { readonly at: number };
  /** A command is stored and will be answered. */
  readonly accepted: { readonly command: CommandInfo };
  /** A command runs; `pid` is `undefined` if it is not a process of its own. */
  readonly started: { readonly command: CommandInfo; readonly pid: number | undefined };
  /** A command has reported progress: at most twice a second, and always the last of it. */
  readonly progress: { readonly command: CommandInfo; readonly progress: Progress };
  /** A command has ended, and its reply is stored. */
  readonly ended: CommandEnd;
  /** The broker has the reply to a command; once more when the reply was sent again. */
  readonly replied: { readonly command: CommandInfo };
}

/**
 * An event of a `CloudNode`, as `CloudNode.events()` brings it: `detail` is what a listener is given.
 * When nobody reads, the first 1,000 wait and what comes after them is left out.
 *
 * @example
 * ```ts
 * import { CloudNode, type CloudNodeEvent } from "@cyberwave/cloud-node";
 *
 * async function untilReady(node: CloudNode): Promise<CloudNodeEvent | undefined> {
 *   for await (const event of node.events()) if (event.name === "ready") return event;
 * }
 * console.log(untilReady.length); // 1
 * ```
 */
export type CloudNodeEvent = {
  readonly [Name in keyof CloudNodeEvents]: {
    readonly name: Name;
    readonly detail: CloudNodeEvents[Name];
  };
}[keyof CloudNodeEvents];

/** How many events wait to be read. */
const MAX_UNREAD = 1_000;

/**
 * A new state of a worker or server that runs the commands of a kind.
 *
 * @example
 * ```ts
 * import { CloudNode, type ExecutorChange } from "@cyberwave/cloud-node";
 *
 * const show = ({ kind, state, reason = "" }: ExecutorChange) => console.log(kind, state, reason);
 * new CloudNode().on("executor", show);
 * ```
 */
export interface ExecutorChange {
  /** The kind of the commands. */
  readonly kind: string;
  /** What it is doing. */
  readonly state:
    | "starting"
    | "ready"
    | "busy"
    | "unhealthy"
    | "yielding"
    | "restarting"
    | "failed"
    | "stopped";
  /** Why it takes no commands, if it does not. */
  readonly reason?: string;
}

/**
 * How a command ended.
 *
 * @example
 * ```ts
 * import type { CommandEnd } from "@cyberwave/cloud-node";
 *
 * const line = ({ command, status, cause, seconds }: CommandEnd) =>
 *   `${command.kind}: ${status === "ok" ? "succeeded" : cause} after ${seconds} s`;
 * console.log(line.length); // 1
 * ```
 */
export interface CommandEnd {
  /** The command. */
  readonly command: CommandInfo;
  /** Whether it succeeded, as its reply says. */
  readonly status: "ok" | "error";
  /**
   * Why it ended: `exited`, `killed`, `cancelled`, `timed_out`, `withdrawn` by the platform, `lost`
   * if its end is unknown, `not_started`.
   */
  readonly cause:
    | "exited"
    | "killed"
    | "cancelled"
    | "timed_out"
    | "withdrawn"
    | "lost"
    | "not_started";
  /** Its exit code, when it is known. */
  readonly exitCode?: number;
  /** The signal that ended it, when one did. */
  readonly signal?: string;
  /** How long it ran. */
  readonly seconds: number;
  /** What it has used, as far as that is known. */
  readonly resources?: Resources;
}

/**
 * A running `CloudNode` at one moment.
 *
 * @example
 * ```ts
 * import type { CloudNodeSnapshot } from "@cyberwave/cloud-node";
 *
 * const isBusy = ({ workloads }: CloudNodeSnapshot) => workloads.length > 0;
 * console.log(isBusy.name);
 * ```
 */
export interface CloudNodeSnapshot {
  /** Who it is; `undefined` while it is not registered. */
  readonly identity: NodeIdentity | undefined;
  /** The connection to the broker, which is at `url`: `mqtt://host:port`. */
  readonly connection: { readonly url: string; readonly isConnected: boolean };
  /** Whether it takes no new commands. */
  readonly isDraining: boolean;
  /** How many commands of each configured kind run and wait, and how many may run. */
  readonly lanes: Readonly<
    Record<
      string,
      { readonly running: number; readonly queued: number; readonly concurrency: number }
    >
  >;
  /** What runs; `startedAt` is in milliseconds since the epoch. */
  readonly workloads: readonly (CommandInfo & {
    readonly pid: number | undefined;
    readonly startedAt: number;
    /** The GPUs that it was given, where some are given. */
    readonly gpus?: readonly string[];
    /** What it has used so far, measured every few seconds. */
    readonly resources?: Resources;
    readonly progress?: Progress;
  })[];
  /** The commands whose result files are being sent. */
  readonly finalizing: readonly CommandInfo[];
  /** How many replies and statuses the broker has not acknowledged. */
  readonly undelivered: number;
  /** When the backend accepted the last heartbeat, in milliseconds since the epoch. */
  readonly lastHeartbeat: number | undefined;
}

/** A snapshot as a program sees it. */
export function publicSnapshot(snapshot: NodeSnapshot): CloudNodeSnapshot {
  const { identity, lanes, outbox, connection, isDraining, workloads, finalizing } = snapshot;
  return {
    identity: identity && publicIdentity(identity),
    connection,
    isDraining,
    lanes: Object.fromEntries(
      Object.entries(lanes).map((
        [kind, { running, queued, concurrency }],
      ) => [kind, { running, queued, concurrency }]),
    ),
    workloads,
    finalizing,
    undelivered: outbox.pending,
    lastHeartbeat: snapshot.lastHeartbeat,
  };
}

/** An identity as a program sees it. */
export function publicIdentity({ uuid, slug }: NodeIdentity): NodeIdentity {
  return { uuid, slug };
}

type Views = {
  readonly [Name in keyof CloudNodeEvents]: (detail: NodeEventMap[Name]) => CloudNodeEvents[Name];
};

const VIEWS: Views = {
  ready: publicIdentity,
  connection: (detail) => detail,
  executor: (detail) => detail,
  heartbeat: (detail) => detail,
  accepted: (detail) => detail,
  started: ({ command, pid }) => ({ command, pid }),
  progress: (detail) => detail,
  replied: (detail) => detail,
  ended({ command, outcome: { status, end }, seconds }) {
    const { cause, exitCode, signal, resources } = end;
    return {
      ...{ command, status, cause, seconds },
      ...(exitCode !== undefined && { exitCode }),
      ...(signal !== undefined && { signal }),
      ...(resources !== undefined && { resources }),
    };
  },
};

/** The listeners of a program, which last longer than one run of the node. */
export class Subscriptions {
  readonly #all = new Set<Subscription>();
  /** Ends them. */
  readonly #streams = new Set<() => void>();
  #events: NodeEvents | undefined;

  /** Calls `listener` at each event of that name, in this run and later ones, until the result is called. */
  on<Name extends keyof CloudNodeEvents>(
    name: Name,
    listener: (detail: CloudNodeEvents[Name]) => unknown,
  ): () => void {
    refuseUnknownKeys({ [name]: listener }, Object.keys(VIEWS), "event");
    const subscription: Subscription = {
      subscribe: (events) => events.on(name, (detail) => listener(VIEWS[name](detail))),
    };
    this.#all.add(subscription);
    if (this.#events !== undefined) subscription.remove = subscription.subscribe(this.#events);
    return () => {
      this.#all.delete(subscription);
      subscription.remove?.();
    };
  }

  /** All events from now on, until the end of this run, or of the next one if there is none now. */
  stream(): ReadableStream<CloudNodeEvent> {
    const removers: (() => void)[] = [];
    const remove = () => removers.forEach((remove) => remove());
    return new ReadableStream<CloudNodeEvent>({
      start: (controller) => {
        for (const name of Object.keys(VIEWS) as (keyof CloudNodeEvents)[]) {
          const take = (detail: unknown) => {
            if (controller.desiredSize! > 0) controller.enqueue({ name, detail } as CloudNodeEvent);
          };
          removers.push(this.on(name, take));
        }
        const end = () => {
          remove();
          controller.close();
        };
        this.#streams.add(end);
        removers.push(() => this.#streams.delete(end));
      },
      cancel: remove,
    }, new CountQueuingStrategy({ highWaterMark: MAX_UNREAD }));
  }

  /** Listens to a run that begins. */
  attach(events: NodeEvents): void {
    this.#events = events;
    for (const subscription of this.#all) subscription.remove = subscription.subscribe(events);
  }

  /** Ends the streams: a run has ended. */
  detach(): void {
    this.#events = undefined;
    for (const end of this.#streams) end();
  }
}

interface Subscription {
  readonly subscribe: (events: NodeEvents) => () => void;
  remove?: () => void;
}

/**
 * The executor that sends commands to an HTTP server: one that the node starts and keeps loaded, or
 * one that the user runs.
 *
 * @module
 */
import type { Host } from "../../os/processes.ts";
import { headersOfVariables } from "../../protocol/trace_context.ts";
import type {
  Executor,
  ExecutorStatus,
  Handle,
  Recovered,
  Reservation,
  Unavailable,
  Work,
} from "../executor.ts";
import { yieldingTo } from "../warm/yielding.ts";
import { PRESETS } from "./preset.ts";
import { ServerExecution, type ServerSide } from "./server_execution.ts";
import { ManagedServer, type ManagedServerOptions } from "./managed_server.ts";

/** What an executor of a server works with. */
interface ServerExecutorOptions extends ManagedServerOptions {
  readonly host: Pick<Host, "bootId">;
}

/** The variables of a command that every server gets. */
const SHARED = ["CYBERWAVE_REQUEST_ID"];

/** The variables that a server gets if the node has started it. */
const FOR_OWN = [
  "CYBERWAVE_INSTANCE_UUID",
  "CYBERWAVE_SLUG",
  "CYBERWAVE_PROGRESS_FILE",
  "CYBERWAVE_RESULTS_FOLDER",
];

/** The variable of the command's token: its own, or that of the node. */
const SECRET = ["CYBERWAVE_API_KEY"];

/** Sends commands to a server. */
export class ServerExecutor implements Executor {
  /** Its name in handles. */
  readonly name: string;
  onRoom?: () => void;
  onStatus?: (status: ExecutorStatus) => void;
  readonly yieldsTo: string | undefined;
  readonly #options: ServerExecutorOptions;
  readonly #server: ManagedServer;
  readonly #inHand = new Set<Handle>();
  readonly #side: ServerSide;
  #isYielding = false;
  #shown: ExecutorStatus | undefined;

  /** Starts the server, or finds the one that an earlier node has started. */
  constructor(options: ServerExecutorOptions) {
    this.#options = options;
    this.name = options.name;
    this.yieldsTo = options.program.yieldTo;
    this.#server = new ManagedServer(options, () => this.#inHand.size, () => this.#changed());
    const { url, api, wrap, unwrap, concurrency } = options.program;
    this.#side = {
      ...options,
      url,
      preset: PRESETS[api],
      wrap,
      unwrap,
      isShared: concurrency > 1,
      server: this.#server,
      headersFor: (work) => this.#headersFor(work),
    };
  }

  reserve(_command: Pick<Work, "id" | "kind">): Reservation | Unavailable | undefined {
    if (this.#isYielding) return undefined;
    const { problem, status: { state } } = this.#server;
    if (problem !== undefined) return { problem };
    const { host: { bootId }, program: { concurrency } } = this.#options;
    if (state !== "ready" || this.#inHand.size >= concurrency) return undefined;
    const handle: Handle = { executor: this.name, attempt: crypto.randomUUID(), bootId };
    this.#inHand.add(handle);
    this.#report();
    return {
      handle,
      start: (work) => {
        const execution = new ServerExecution(handle, work, this.#side);
        execution.exit.then(() => this.#leave(handle));
        return execution;
      },
      release: () => this.#leave(handle),
    };
  }

  /** The connection ended with the earlier node, and the answer with it. */
  recover(_handle: Handle): Promise<Recovered> {
    const why = "the node ended while the server had it, and the answer could not be taken";
    return Promise.resolve({ type: "ended", exit: { type: "lost", why } });
  }

  get hasYielded(): boolean {
    return this.#isYielding && this.#server.isUnloaded;
  }

  setYielding(isYielding: boolean): void {
    if (this.#isYielding !== isYielding && isYielding) {
      const { logger, name } = this.#options;
      logger.info(`${name} is yielding: ${yieldingTo(this.yieldsTo!).reason}`);
    }
    this.#isYielding = isYielding;
    this.#report();
    this.#settle();
  }

  status(): ExecutorStatus {
    if (this.#isYielding) return yieldingTo(this.yieldsTo!);
    const { status } = this.#server;
    return status.state === "ready" && this.#inHand.size > 0 ? { state: "busy" } : status;
  }

  async unload(): Promise<void> {
    await this.#server.unload();
  }

  /** Leaves the server to the next node. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }

  #leave(handle: Handle): void {
    if (!this.#inHand.delete(handle)) return;
    this.#settle();
    this.#changed();
  }

  #changed(): void {
    this.#report();
    this.onRoom?.();
  }

  /** Loads it, or ends it as soon as it has no command. */
  #settle(): void {
    if (!this.#isYielding) this.#server.demand.set(true);
    else if (this.#inHand.size === 0) this.#server.demand.set(false);
  }

  /** Logs each change once. */
  #report(): void {
    const status = this.status();
    if (status.state === this.#shown?.state && status.reason === this.#shown.reason) return;
    this.#shown = status;
    this.onStatus?.(status);
  }

  /** What a process would have in its environment, as far as it is for this server. */
  #headersFor({ env }: Work): Readonly<Record<string, string>> {
    const { headers, process, program: { url } } = this.#options;
    const names = [
      ...SHARED,
      ...(process === undefined ? [] : FOR_OWN),
      // Nobody else can read what stays on this computer.
      ...(process !== undefined && isLocal(url) ? SECRET : []),
    ];
    const given = names.flatMap((name) => {
      const value = env[name];
      return value && /^[\x20-\x7e]+$/.test(value) ? [[headerOf(name), value]] : [];
    });
    return { ...Object.fromEntries(given), ...headersOfVariables(env), ...headers };
  }
}

function isLocal(url: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(url).hostname);
}

/** `CYBERWAVE_REQUEST_ID` as a header: `Cyberwave-Request-Id`. */
function headerOf(variable: string): string {
  return variable.toLowerCase().split("_").map((word) => word[0]?.toUpperCase() + word.slice(1))
    .join("-");
}

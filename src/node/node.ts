/**
 * One run of a node, from its start to its stop.
 *
 * @module
 */
import { clearTextWarning } from "../config/clear_text.ts";
import type { Settings } from "../config/config.ts";
import { nodePermissions } from "../config/needed_permissions.ts";
import { messageOf } from "../errors.ts";
import type { Handler } from "../executors/handler/handler.ts";
import { addSecret, createLogger, type Logger } from "../log.ts";
import { LineBuffer } from "../logs/line_buffer.ts";
import { type Host, inspectHost } from "../os/processes.ts";
import { requirePermissions } from "../permissions.ts";
import { sendHeartbeats } from "../registration/heartbeat.ts";
import type { Identity } from "../registration/identity.ts";
import { reportFailed } from "../registration/report_end.ts";
import { checkToken, missingTokenError, type TokenSource } from "../registration/token.ts";
import { takeUnloadMark } from "../state/unload_mark.ts";
import { isAbort, whenAborted } from "../time.ts";
import { createHooks } from "./create/create_hooks.ts";
import { unloadAll, whenDone, whenIdleFor } from "./draining.ts";
import { NodeEvents } from "./events.ts";
import { notedHeartbeats } from "./noted_heartbeats.ts";
import { serveLocalRequests, storeCancelRequests } from "./local_requests_server.ts";
import { INSTALL_GRACE_MS, installAndReport } from "./install.ts";
import { keepWithinLimits } from "./keep_within_limits.ts";
import type { RunResult } from "./options.ts";
import { createParts, type NodeParts } from "./parts.ts";
import { type ServedNode, servedNode } from "./served_node.ts";
import type { SettingChanges } from "./setting_changes.ts";
import { shutDown } from "./shutdown.ts";
import { type NodeSnapshot, snapshotOf } from "./snapshot.ts";
import { nodeCredentials, readWorkloadEnvironment } from "./workload_environment.ts";

/** What a run is made from. */
export interface NodeOptions {
  readonly settings: Settings;
  /** The functions that run commands, by the names of those. */
  readonly handlers: ReadonlyMap<string, Handler>;
  /** Where the token came from. */
  readonly tokenSource: string | undefined;
  /** Where to log. Default: `@std/log`. */
  readonly logger?: Logger;
  /** Where to look for another token when it is refused. */
  readonly tokens: TokenSource | undefined;
  /** Passes on changes of settings. */
  readonly changes: SettingChanges | undefined;
  /** Whether whoever stops the node also ends its work. */
  readonly isTemporary: boolean;
  /** The environment of the workloads. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether to stop when one command was answered. */
  readonly once: boolean;
  /** Whether to take no new commands, and to stop when all is done and delivered. */
  readonly drain: boolean;
  /** Seconds without work after which to stop. */
  readonly exitWhenIdle: number | undefined;
  /** Shows the node to others while it runs. */
  serve?(node: ServedNode): Promise<AsyncDisposable>;
}

/** One run of a node. */
export class Node {
  readonly #options: NodeOptions;
  /** The lines of this node, not of others in this process. */
  readonly #lines = new LineBuffer();
  readonly #logger: Logger;
  /** What happens to the node. */
  readonly events: NodeEvents;
  /** Aborts when the node is to stop. */
  readonly #stopping = new AbortController();
  /** Aborts when the node is to disconnect from the broker. */
  readonly #leavingBroker = new AbortController();
  /** Aborts when the backend needs no further call. */
  readonly #ended = new AbortController();
  readonly #tasks: Promise<void>[] = [];
  readonly #result: RunResult = { succeeded: 0, failed: 0 };
  #parts: NodeParts | undefined;
  #broker: Promise<void> | undefined;
  #isDraining = false;
  #fatal: unknown;

  /** Makes a node; `run()` starts it. */
  constructor(options: NodeOptions) {
    this.#options = options;
    this.#logger = this.#loggerFor("node");
    this.events = new NodeEvents(this.#logger);
  }

  /** Who the node is, once it is registered. */
  get identity(): Identity | undefined {
    return this.#parts?.identity.current;
  }

  /** What it is doing; `undefined` before it has its parts, and after it has stopped. */
  snapshot(): NodeSnapshot | undefined {
    return this.#parts && snapshotOf(this.#parts);
  }

  /** Stops the node: what runs goes on without it. */
  stop(): void {
    this.#stopping.abort(new Error("The node was asked to stop"));
  }

  /** Takes no new commands, and stops when all is done and delivered. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#parts?.acceptor.drain();
    this.events.emit("draining", {});
    if (this.#parts?.identity.current === undefined) return this.stop();
    this.#logger.info("Draining: taking no new commands, and stopping when all is done");
    this.#run(this.#stopWhenDone(this.#parts));
  }

  /** Runs until it is stopped, or something makes going on pointless, which is thrown. */
  async run(): Promise<RunResult> {
    const { tokenSource, tokens, once, handlers, changes } = this.#options;
    const { token, mqttPassword } = this.#options.settings;
    if (token === undefined) throw missingTokenError();
    const settings = { ...this.#options.settings, token };
    for (const secret of [token, mqttPassword]) if (secret !== undefined) addSecret(secret);
    const warning = clearTextWarning(settings);
    if (warning !== undefined) this.#logger.warn(`${warning.message}. ${warning.hint}`);
    requirePermissions(nodePermissions(settings, "sh", this.#options.env));
    const host = await inspectHost();
    requirePermissions(nodePermissions(settings, host.shell, this.#options.env));
    const warn = (message: string) => this.#logger.warn(message);
    const env = await readWorkloadEnvironment(this.#options.env, settings, warn);
    await using parts = await createParts({
      ...{ settings, handlers, tokenSource, tokens, changes, env, host, once },
      events: this.events,
      drain: () => this.drain(),
      stopping: this.#stopping.signal,
      loggerFor: (component) => this.#loggerFor(component),
      localLoggerFor: (component) => this.#localLoggerFor(component),
      lines: this.#lines,
    });
    this.#parts = parts;
    await using _served = await this.#options.serve?.(
      servedNode(parts, this.#loggerFor("http"), () => this.drain()),
    );
    using _hooks = createHooks(parts, { env, host, logger: this.#loggerFor("hooks") });
    this.#listen();
    try {
      await this.#start(parts, env, host);
      await whenAborted(this.#stopping.signal);
    } catch (error) {
      this.#fail(error);
    } finally {
      await this.#unloadIfMarked(parts);
      await this.#shutDown(parts);
      this.#parts = undefined;
    }
    this.#logger.info("Stopped");
    if (this.#fatal !== undefined) throw this.#fatal;
    return this.#result;
  }

  async #start(parts: NodeParts, env: Record<string, string>, host: Host): Promise<void> {
    const [{ once, drain, exitWhenIdle }, { signal }] = [this.#options, this.#stopping];
    const { runner, queue, uploads, recheck, registration, connection, pool, backend } = parts;
    storeCancelRequests(parts, this.#logger);
    await parts.recover(signal);
    this.#run(serveLocalRequests(parts, this.#logger, signal));
    // Before connecting: what the broker held back for this node is new as well.
    if (drain) parts.acceptor.drain();
    await registration.load();
    this.#run(backend.run(this.#ended.signal));
    await checkToken(backend, parts.tokenRetries, signal);
    const instance = await registration.obtain(signal);
    await this.#install(parts, instance, env, host);
    await this.#setIdentity(parts, await registration.register(instance, signal));
    this.#run(recheck.atStart(signal));
    this.events.on("heartbeat", () => recheck.atHeartbeat(signal));
    this.#broker = this.#run(connection.run(this.#leavingBroker.signal));
    if (pool !== undefined) this.#run(pool.run(this.#leavingBroker.signal));
    this.#run(this.#heartbeats(parts));
    this.#run(keepWithinLimits(parts, this.#loggerFor("workloads"), signal));
    for (const it of [parts.logStream, parts.gpus]) if (it) this.#run(it.run(this.#ended.signal));
    uploads.resume();
    runner.open();
    await connection.whenConnected(signal);
    const { slug, uuid } = parts.identity.registered;
    this.#logger.info(
      `Cloud Node '${slug}' (${uuid}) is ready${drain ? "" : ": waiting for commands"}`,
    );
    this.events.emit("ready", { slug, uuid });
    if (drain || (once && !queue.isEmpty)) this.drain();
    if (exitWhenIdle !== undefined) this.#run(this.#drainWhenIdle(parts, exitWhenIdle));
  }

  /** Ends workers and servers if whoever stops the node has left a mark for that. Never rejects. */
  async #unloadIfMarked(parts: NodeParts): Promise<void> {
    if (!takeUnloadMark(parts.settings.stateFolder)) return;
    try {
      await unloadAll(parts);
    } catch (error) {
      this.#logger.error(`Cannot stop the loaded workers and servers: ${messageOf(error)}`);
    }
  }

  #shutDown(parts: NodeParts): Promise<void> {
    return shutDown(parts, {
      leavesWork: !this.#options.isTemporary,
      limitMs: this.#options.settings.stopTimeout * 1000,
      leaveBroker: async () => {
        this.#leavingBroker.abort();
        await this.#broker;
      },
      endRest: async () => {
        this.#leavingBroker.abort();
        this.#ended.abort();
        await Promise.all(this.#tasks);
      },
      logger: this.#logger,
    });
  }

  /** Changes who the node is, and with it the topics on which it listens. */
  async #setIdentity({ identity, connection, otherTopics }: NodeParts, to: Identity) {
    identity.set(to);
    await connection.setTopics([...identity.commandTopics, ...otherTopics]);
  }

  async #install(
    { clock, backend, token }: NodeParts,
    instance: { uuid: string },
    env: Record<string, string>,
    host: Host,
  ): Promise<void> {
    const { settings } = this.#options;
    if (settings.installScript === undefined) return;
    await installAndReport(
      {
        ...{ script: settings.installScript, workFolder: settings.workFolder, host, clock },
        env: { ...env, ...nodeCredentials(settings, token.value) },
        logger: this.#loggerFor("install"),
        graceMs: INSTALL_GRACE_MS,
      },
      this.#stopping.signal,
      (why) => reportFailed(instance, why, { api: backend, clock, logger: this.#logger }),
    );
  }

  /** A logger whose lines the platform sees too, if it is to see any. */
  #loggerFor(component: string): Logger {
    if (this.#options.settings.logStreamInterval === 0) return this.#localLoggerFor(component);
    return createLogger(component, (line) => this.#lines.add(line), this.#options.logger);
  }

  #localLoggerFor(component: string): Logger {
    return createLogger(component, undefined, this.#options.logger);
  }

  #listen(): void {
    if (this.#options.once) this.events.on("accepted", () => this.drain());
    this.events.on("ended", ({ outcome }) => {
      this.#result[outcome.status === "ok" ? "succeeded" : "failed"]++;
    });
  }

  #heartbeats(parts: NodeParts): Promise<void> {
    const { token, identity, registration, clock } = parts;
    return sendHeartbeats({
      api: notedHeartbeats(parts),
      token,
      identity: () => identity.registered,
      intervalMs: this.#options.settings.heartbeatInterval * 1000,
      onGone: async (signal) => await this.#setIdentity(parts, await registration.renew(signal)),
      clock,
      logger: this.#loggerFor("registration"),
    }, this.#stopping.signal);
  }

  async #stopWhenDone(parts: NodeParts): Promise<void> {
    await whenDone(parts, this.#options.settings.stopTimeout * 1000, this.#stopping.signal);
    this.stop();
  }

  async #drainWhenIdle(parts: NodeParts, seconds: number): Promise<void> {
    await whenIdleFor(seconds * 1000, parts, this.#stopping.signal);
    this.#logger.info(`There was nothing to do for ${seconds} s`);
    this.drain();
  }

  /** Runs a task in the background. If it fails, the node fails. */
  #run(task: Promise<void>): Promise<void> {
    const owned = task.catch((error) => this.#fail(error));
    this.#tasks.push(owned);
    return owned;
  }

  #fail(error: unknown): void {
    if (isAbort(error, this.#stopping.signal)) return;
    this.#fatal ??= error;
    this.stop();
  }
}

/**
 * One life of a node, from its start to its goodbye.
 *
 * @module
 */
import { Assembly } from "./parts.ts";
import { workloadEnvironment } from "./workload_environment.ts";
import { recheck } from "../commands/recheck.ts";
import type { Settings } from "../config/config.ts";
import { nodePermissions } from "../config/needed_permissions.ts";
import { BrokerError, InstallScriptError } from "../errors.ts";
import { addSecret, createLogger, type Logger } from "../log.ts";
import { LineBuffer } from "../logs/line_buffer.ts";
import { requirePermissions } from "../permissions.ts";
import { reportEnd } from "../registration/report_end.ts";
import { sendHeartbeats } from "../registration/heartbeat.ts";
import type { Identity } from "../registration/identity.ts";
import { checkToken, missingTokenError } from "../registration/token.ts";
import { isAbort, within } from "../time.ts";
import { applyRetention } from "../workloads/retention.ts";
import { runInstallScript } from "./install.ts";
import { type Host, inspectHost } from "../os/processes.ts";
import { shutDown } from "./shutdown.ts";

/** What a life is made from. */
export interface LifeOptions {
  readonly settings: Settings;
  /** Where the token came from. */
  readonly tokenSource: string | undefined;
  /** The environment of the workloads. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether to end when one command was answered. */
  readonly once: boolean;
  /** Whether to take nothing new, and to end when all is done and delivered. */
  readonly drain: boolean;
  /** Seconds without work after which to end. */
  readonly exitWhenIdle: number | undefined;
  /** Called when the node is connected and waits for commands. */
  readonly onReady: ((identity: Identity) => void) | undefined;
}

/**
 * How the commands went that were answered while a node ran.
 *
 * @example
 * ```ts
 * import type { RunResult } from "@cyberwave/cloud-node";
 *
 * const report = ({ succeeded, failed }: RunResult) => `${succeeded} of ${succeeded + failed}`;
 * console.log(report({ succeeded: 3, failed: 1 })); // 3 of 4
 * ```
 */
export interface RunResult {
  /** How many succeeded. */
  succeeded: number;
  /** How many failed, were cancelled, timed out or got lost. */
  failed: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** One life of a node. */
export class Life {
  readonly #options: LifeOptions;
  /** The lines of this node, not of others in this process. */
  readonly #lines = new LineBuffer();
  readonly #logger: Logger;
  /** Aborts when the node is to end now. */
  readonly #ending = new AbortController();
  /** Aborts when the last message is sent. */
  readonly #disconnecting = new AbortController();
  readonly #tasks: Promise<void>[] = [];
  readonly #result: RunResult = { succeeded: 0, failed: 0 };
  #parts: Assembly | undefined;
  #lastActivity = 0;
  #draining = false;
  #fatal: unknown;

  /** Makes a life; `live()` begins it. */
  constructor(options: LifeOptions) {
    this.#options = options;
    this.#logger = this.#loggerFor("node");
  }

  /** Who the node is, once it is registered. */
  get identity(): Identity | undefined {
    return this.#parts?.identity;
  }

  /** Ends the life: what runs goes on without the node. */
  end(): void {
    this.#ending.abort(new Error("The node was asked to stop"));
  }

  /** Takes nothing new, and ends when all is done and delivered. */
  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#parts?.intake.close();
    if (this.#parts?.identity === undefined) return this.end();
    this.#logger.info("Draining: taking no new commands, and stopping when all is done");
    this.#run(this.#endWhenDone(this.#parts));
  }

  /** Lives until it is ended, or something makes going on pointless, which is thrown. */
  async live(): Promise<RunResult> {
    const { tokenSource, once } = this.#options;
    const { token, mqttPassword } = this.#options.settings;
    if (token === undefined) throw missingTokenError();
    const settings = { ...this.#options.settings, token };
    const env = workloadEnvironment(this.#options.env, settings);
    for (const secret of [token, mqttPassword]) if (secret !== undefined) addSecret(secret);
    requirePermissions(nodePermissions(settings, "sh"));
    const host = await inspectHost();
    requirePermissions(nodePermissions(settings, host.shell));
    using parts = new Assembly({
      settings,
      tokenSource,
      env,
      host,
      once,
      loggerFor: (component) => this.#loggerFor(component),
      lines: this.#lines,
      onAccepted: () => this.#onAccepted(),
      onAnswered: ({ status }) => {
        this.#result[status === "ok" ? "succeeded" : "failed"]++;
        this.#lastActivity = parts.clock.monotonic();
      },
    });
    this.#parts = parts;
    try {
      await this.#start(parts, env, host);
      await aborted(this.#ending.signal);
    } catch (error) {
      this.#fail(error);
    }
    await shutDown(parts, settings.stopTimeout, this.#logger);
    this.#disconnecting.abort();
    await parts.scheduler.leave();
    await Promise.all(this.#tasks);
    this.#logger.info("Stopped");
    if (this.#fatal !== undefined) throw this.#fatal;
    return this.#result;
  }

  async #start(parts: Assembly, env: Record<string, string>, host: Host): Promise<void> {
    const { once, drain, exitWhenIdle, onReady } = this.#options;
    const { signal } = this.#ending;
    const { scheduler, registration, connection, api } = parts;
    await scheduler.recover();
    // Before connecting: what the broker held back for this node is new as well.
    if (drain) parts.intake.close();
    await registration.recall();
    // Until the last word to the backend is said.
    this.#run(api.run(this.#disconnecting.signal));
    await checkToken(api, this.#logger, signal);
    const instance = await registration.obtain(signal);
    await this.#install(parts, instance, env, host);
    await parts.become(await registration.register(instance, signal));
    this.#run(this.#recheck(parts));
    this.#run(connection.run(this.#disconnecting.signal));
    this.#run(this.#heartbeats(parts));
    this.#run(this.#retention(parts));
    if (parts.logStream !== undefined) this.#run(parts.logStream.run(this.#disconnecting.signal));
    scheduler.open();
    await connection.whenConnected(signal);
    const { slug, uuid } = parts.identity!;
    this.#logger.info(
      `Cloud Node '${slug}' (${uuid}) is ready${drain ? "" : ": waiting for commands"}`,
    );
    onReady?.(parts.identity!);
    if (drain || (once && !scheduler.isIdle)) this.drain();
    if (exitWhenIdle !== undefined) this.#run(this.#drainWhenIdle(parts, exitWhenIdle * 1000));
  }

  async #install(
    parts: Assembly,
    instance: { uuid: string },
    env: Record<string, string>,
    host: Host,
  ): Promise<void> {
    const { settings } = this.#options;
    if (settings.installScript === undefined) return;
    try {
      await runInstallScript({
        script: settings.installScript,
        workFolder: settings.workFolder,
        env,
        host,
        clock: parts.clock,
        logger: this.#loggerFor("install"),
        graceMs: settings.cancelGrace * 1000,
      }, this.#ending.signal);
    } catch (error) {
      if (error instanceof InstallScriptError) {
        await reportEnd("failed", (signal) => parts.api.failed(instance, error.message, signal), {
          clock: parts.clock,
          logger: this.#logger,
        });
      }
      throw error;
    }
  }

  /** A logger whose lines the platform sees too, if it is to see any. */
  #loggerFor(component: string): Logger {
    if (this.#options.settings.logStreamInterval === 0) return createLogger(component);
    return createLogger(component, (line) => this.#lines.add(line));
  }

  #heartbeats(parts: Assembly): Promise<void> {
    return sendHeartbeats({
      api: parts.api,
      identity: () => parts.identity!,
      intervalMs: this.#options.settings.heartbeatInterval * 1000,
      onGone: async (signal) => await parts.become(await parts.registration.renew(signal)),
      clock: parts.clock,
      logger: this.#loggerFor("presence"),
    }, this.#ending.signal);
  }

  #recheck({ scheduler, api, identity }: Assembly): Promise<void> {
    const options = { directory: api, scheduler, logger: this.#logger };
    return recheck(scheduler.lanes.unfinished(), identity!.uuid, options, this.#ending.signal);
  }

  #retention({ journal, workloadsFolder, logStream, clock }: Assembly): Promise<void> {
    const { keepWorkloads, keepWorkloadsCount, keepWorkloadsSize, dedupeWindow } =
      this.#options.settings;
    return applyRetention({
      journal,
      workloadsFolder,
      limits: {
        maxAgeMs: keepWorkloads * DAY_MS,
        maxCount: keepWorkloadsCount,
        maxBytes: keepWorkloadsSize,
        dedupeMs: dedupeWindow * 1000,
      },
      unsentBytes: logStream && ((id) => logStream.unsentBytes(id)),
      clock,
      logger: this.#loggerFor("workloads"),
    }, this.#ending.signal);
  }

  #onAccepted(): void {
    this.#lastActivity = this.#parts!.clock.monotonic();
    if (this.#options.once) this.drain();
  }

  async #endWhenDone({ scheduler, outbox, logStream, clock }: Assembly): Promise<void> {
    const patienceMs = this.#options.settings.stopTimeout * 1000;
    await Promise.race([scheduler.idle(), aborted(this.#ending.signal)]);
    const left = await outbox.drained(this.#ending.signal, patienceMs);
    await within(patienceMs, clock, async (tooLate) => {
      await logStream?.drain(AbortSignal.any([tooLate, this.#ending.signal]));
    });
    if (left > 0 && !this.#ending.signal.aborted) throw undeliverable(left);
    this.end();
  }

  async #drainWhenIdle({ scheduler, clock }: Assembly, idleMs: number): Promise<void> {
    const { signal } = this.#ending;
    this.#lastActivity = clock.monotonic();
    while (!signal.aborted) {
      await Promise.race([scheduler.idle(), aborted(signal)]);
      const left = this.#lastActivity + idleMs - clock.monotonic();
      if (left <= 0) {
        this.#logger.info(`There was nothing to do for ${idleMs / 1000} s`);
        return this.drain();
      }
      await clock.sleep(left, signal);
    }
  }

  /** Looks after something that goes on beside the rest. Its failure is the node's. */
  #run(task: Promise<void>): void {
    this.#tasks.push(task.catch((error) => this.#fail(error)));
  }

  #fail(error: unknown): void {
    if (isAbort(error, this.#ending.signal)) return;
    this.#fatal ??= error;
    this.end();
  }
}

function undeliverable(left: number): BrokerError {
  return new BrokerError(`The broker refuses what is left to deliver: ${left} messages`, {
    hint: "They are kept for the next start: let this node's user publish on its response topic",
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true })
  );
}

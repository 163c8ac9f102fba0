/**
 * Reports the state of the node to systemd, if that supervises it: sd_notify(3).
 *
 * It goes through systemd-notify(1). Deno can send to a Unix socket of datagrams itself, but only
 * with an unstable API and with permission for the whole network.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Clock } from "../time.ts";

/** What notifying takes. */
interface NotifierOptions {
  /** The environment of this program. */
  readonly env: Readonly<Record<string, string>>;
  /** Throws if the node should be restarted. */
  checkHealth(): void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The variables by which systemd says how to notify it. They are not meant for children. */
const VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/** `env` as children get it: with these variables they could notify systemd for the node. */
export function withoutNotifyVariables(
  env: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !VARIABLES.includes(name)));
}

/** Milliseconds within which systemd wants its watchdog fed; `undefined` when it has none. */
export function watchdogMs(
  env: Readonly<Record<string, string>>,
  pid: number,
): number | undefined {
  const { WATCHDOG_USEC: microseconds = "", WATCHDOG_PID: meant = `${pid}` } = env;
  if (!/^[1-9]\d{0,15}$/.test(microseconds) || meant !== `${pid}`) return undefined;
  return Number(microseconds) / 1000;
}

/** Reports the state of the node to systemd. Does nothing where systemd does not ask for it. */
export class Notifier implements AsyncDisposable {
  readonly #options: NotifierOptions;
  readonly #ending = new AbortController();
  #watching: Promise<void> | undefined;
  /** The notifications, one after the other. */
  #notified: Promise<void> = Promise.resolve();
  #hasWarned = false;

  /** Does not report anything yet. */
  constructor(options: NotifierOptions) {
    this.#options = options;
  }

  /** The node waits for commands. From now on the watchdog is fed, as long as the node is healthy. */
  ready(status: string): void {
    this.#notify("READY=1", `STATUS=${oneLine(status)}`);
    const limit = watchdogMs(this.#options.env, Deno.pid);
    if (limit !== undefined) this.#watching = this.#feedWatchdog(limit / 2);
  }

  /** The node stops. Resolves when that is reported. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#watching;
    this.#notify("STOPPING=1", "STATUS=Stopping");
    await this.#notified;
  }

  async #feedWatchdog(intervalMs: number): Promise<void> {
    const { clock, logger, checkHealth } = this.#options;
    const { signal } = this.#ending;
    while (!signal.aborted) {
      try {
        checkHealth();
        // Systems before 2020 may miss what so short-lived a child sends, so READY is sent again.
        this.#notify("READY=1", "WATCHDOG=1");
      } catch (error) {
        logger.error(`Not healthy; systemd will restart the node: ${messageOf(error)}`);
      }
      await clock.sleep(intervalMs, signal).catch(() => {});
    }
  }

  #notify(...assignments: string[]): void {
    const { NOTIFY_SOCKET: socket, PATH: path = "" } = this.#options.env;
    if (!socket) return;
    this.#notified = this.#notified
      .then(() => notify(assignments, { NOTIFY_SOCKET: socket, PATH: path }))
      .catch((error) => this.#warnOnce(error));
  }

  #warnOnce(error: unknown): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#options.logger.warn(`Cannot notify systemd: ${messageOf(error)}`);
  }
}

/** A line break would begin another assignment. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ");
}

async function notify(assignments: readonly string[], env: Record<string, string>): Promise<void> {
  const { success, stderr } = await new Deno.Command("sh", {
    args: ["-c", 'exec systemd-notify "$@"', "sh", ...assignments],
    clearEnv: true,
    env,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
}

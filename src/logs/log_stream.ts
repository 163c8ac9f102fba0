/**
 * Sends what workloads print, and the node's own log, to the platform while they are written: in
 * order, nothing twice, and nothing of a workload's output lost while the backend is away.
 *
 * Output counts as sent once the backend has acknowledged it, and that is remembered across
 * restarts. What was on its way when the node or the connection died may arrive twice: at most one
 * batch, 256 KiB. The node's own lines are in memory only, the latest of them.
 *
 * @module
 */
import { BackendError, messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { backoff, type Clock, Outage, timeInWords } from "../time.ts";
import type { LineBuffer } from "./line_buffer.ts";
import { byteLength } from "./log_lines.ts";
import { MAX_CONTENT, type WorkloadOutput } from "./workload_output.ts";

/** Lines for the platform's log. */
interface LogBatch {
  /** What wrote them: a workload, or the node itself. */
  readonly type: "stdout" | "stderr" | "system";
  /** Whole lines. */
  readonly content: string;
}

/** Whose log the lines belong to. */
interface Instance {
  readonly uuid: string;
  readonly slug: string;
}

/** What a log stream asks of the backend. */
interface LogApi {
  /** Adds lines to the instance's log. */
  log(instance: Instance, entry: LogBatch, signal?: AbortSignal): Promise<void>;
}

/** What a {@linkcode LogStream} works with. */
interface LogStreamOptions {
  /** The backend. */
  readonly api: LogApi;
  /** Who this node is now: asked before each call. */
  readonly identity: () => Instance;
  /** What workloads print. */
  readonly output: WorkloadOutput;
  /** The node's own lines. */
  readonly lines: LineBuffer;
  /** From the end of one look for new lines to the next, in milliseconds. */
  readonly intervalMs: number;
  readonly clock: Clock;
  /** Where failures are reported. Its lines must not be sent themselves: each failure would add one. */
  readonly logger: Logger;
}

/** How long to wait, beside the interval, before a retry. */
const RETRY = { min: 1_000, max: 30_000 };

/** What is refused as too large goes in smaller calls, down to this many bytes. */
const MIN_CONTENT = 64 * 1024;

const OUTPUT_STREAMS = ["stdout", "stderr"] as const;

/** Sends what workloads print, and the node's own log, to the platform. */
export class LogStream {
  readonly #options: LogStreamOptions;
  /** How many bytes a call may carry, as far as is known. */
  #limit = MAX_CONTENT;
  /** Own lines that were taken out of the buffer and not sent yet. */
  #taken: string | undefined;
  /** What the backend refused for good. */
  #refusedBytes = 0;
  #trouble: string | undefined;
  readonly #outage: Outage;
  #running = false;
  #waiting: ((sent: boolean) => void)[] = [];
  #wake = new AbortController();

  /** Sends nothing yet. */
  constructor(options: LogStreamOptions) {
    this.#options = options;
    this.#outage = new Outage(options.clock);
  }

  /** Sends what there is, at once and after each interval, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, intervalMs } = this.#options;
    this.#running = true;
    for (let failures = 0; !signal.aborted;) {
      failures = await this.#pass(signal) ? 0 : failures + 1;
      const wait = failures === 0 ? intervalMs : intervalMs + backoff(failures - 1, RETRY);
      if (this.#waiting.length > 0) continue;
      this.#wake = new AbortController();
      await clock.sleep(wait, AbortSignal.any([signal, this.#wake.signal])).catch(() => {});
    }
    this.#running = false;
    for (const resolve of this.#waiting.splice(0)) resolve(false);
  }

  /**
   * Has `run` send what there is now, without waiting for the interval. Resolves with whether all of
   * it was sent.
   */
  async send(signal: AbortSignal): Promise<boolean> {
    if (!this.#running) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#waiting.push(resolve);
    this.#wake.abort();
    const giveUp = () => resolve(false);
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  /** Sends all there is, and retries until that is done or `signal` aborts. */
  async drain(signal: AbortSignal): Promise<void> {
    for (let attempt = 0; !signal.aborted && !await this.send(signal); attempt++) {
      await this.#options.clock.sleep(backoff(attempt, RETRY), signal).catch(() => {});
    }
  }

  /** How many bytes of a workload's output have not reached the platform. */
  unsentBytes(id: string): number {
    return this.#options.output.unsentBytes(id);
  }

  /** Sends what there is. Whether all of it was sent. */
  async #pass(signal: AbortSignal): Promise<boolean> {
    const waiting = this.#waiting.splice(0);
    let sent = true;
    try {
      while (await this.#round(signal));
    } catch (error) {
      if (!signal.aborted) this.#report(error);
      sent = false;
    }
    for (const resolve of waiting) resolve(sent);
    return sent;
  }

  /**
   * Makes at most one call of each type, so that each has its turn. Whether one of them had no room
   * for all there was: what comes while calls are made is left for the next interval.
   */
  async #round(signal: AbortSignal): Promise<boolean> {
    const { output, lines } = this.#options;
    let more = false;
    for (const type of OUTPUT_STREAMS) {
      const batch = output.next(type, this.#limit);
      if (batch === undefined) continue;
      const isDone = await this.#call({ type, content: batch.content }, signal);
      if (isDone) output.sent(type, batch);
      more ||= batch.hasMore || !isDone;
    }
    output.finish();
    this.#taken ??= lines.take(this.#limit);
    if (this.#taken === undefined) return more;
    more ||= !lines.isEmpty;
    const isDone = await this.#call({ type: "system", content: this.#taken }, signal);
    if (!isDone) lines.putBack(this.#taken);
    this.#taken = undefined;
    return more || !isDone;
  }

  /** Makes a call. Returns whether its content is done with: not when smaller calls must carry it. */
  async #call(entry: LogBatch, signal: AbortSignal): Promise<boolean> {
    const { api, identity } = this.#options;
    try {
      await api.log(identity(), entry, signal);
      this.#recovered();
    } catch (error) {
      if (!isRefused(error)) throw error;
      const size = byteLength(entry.content);
      if (error.status === 413 && size > MIN_CONTENT) {
        this.#limit = Math.max(MIN_CONTENT, Math.floor(size / 2));
        return false;
      }
      // It would be refused again, and hold up all that comes after it.
      this.#refusedBytes += size;
      this.#report(error);
    }
    return true;
  }

  #recovered(): void {
    const { logger } = this.#options;
    this.#outage.ended();
    if (this.#trouble === undefined) return;
    const dropped = this.#refusedBytes;
    logger.info(
      `The platform accepts logs again${
        dropped === 0 ? "" : `; it refused ${dropped} bytes for good`
      }`,
    );
    this.#trouble = undefined;
    this.#refusedBytes = 0;
  }

  /** Reports trouble when it begins or changes, not each time. */
  #report(error: unknown): void {
    const trouble = error instanceof BackendError && error.status !== undefined
      ? String(error.status)
      : messageOf(error);
    const age = this.#outage.failed();
    if (trouble === this.#trouble && age === undefined) return;
    this.#trouble = trouble;
    const what = isRefused(error) ? "it is dropped" : "retrying";
    const since = age === undefined ? "" : ` for ${timeInWords(age)}`;
    this.#options.logger.warn(
      `Cannot send logs to the platform${since}: ${messageOf(error)}; ${what}`,
    );
  }
}

/** Whether the backend will never take this content: too large, or not what it accepts. */
function isRefused(error: unknown): error is BackendError {
  return error instanceof BackendError && [413, 422].includes(error.status ?? 0);
}

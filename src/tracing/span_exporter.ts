/**
 * Sends spans to a collector, in the background and in bounded time: spans that it does not accept
 * are dropped.
 *
 * @module
 */
import type { OtlpTarget } from "../config/otlp.ts";
import { counted } from "../errors.ts";
import { addSecret, type Logger } from "../log.ts";
import { backoff, type Clock, within } from "../time.ts";
import type { TraceSpan } from "./command_spans.ts";
import { postSpans, shownUrl } from "./post_spans.ts";

/** What an exporter works with. */
interface SpanExporterParts {
  readonly target: OtlpTarget;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Spreads retries. Default: `Math.random`. */
  random?(): number;
}

/** How long spans are collected before they are sent together. */
const COLLECT_MS = 1_000;

/** How many are sent at a time, and how many wait. */
const BATCH = 512;
const MAX_WAITING = 4_096;

/** How long to wait before spans are sent again. */
const RETRY = { min: 2_000, max: 60_000 };

/** How much longer a node that stops may take for its last spans. */
const AT_STOP_MS = 1_000;

/** Sends spans. */
export class SpanExporter implements AsyncDisposable {
  readonly #parts: SpanExporterParts;
  /** Aborts when what waits is to be sent now. */
  readonly #stopping = new AbortController();
  /** Aborts when nothing is to be sent any more. */
  readonly #stopped = new AbortController();
  #waiting: TraceSpan[] = [];
  #dropped = 0;
  /** Whether the last export failed, which is reported once. */
  #isFailing = false;
  #sending: Promise<void> | undefined;

  /** Sends nothing yet. */
  constructor(parts: SpanExporterParts) {
    this.#parts = parts;
    for (const value of Object.values(parts.target.headers)) addSecret(value);
  }

  /** Queues spans, which are sent soon. If too many wait, the oldest are dropped. */
  add(spans: readonly TraceSpan[]): void {
    if (this.#stopped.signal.aborted) return;
    this.#waiting.push(...spans);
    const over = this.#waiting.length - MAX_WAITING;
    if (over > 0) {
      this.#waiting.splice(0, over);
      this.#dropped += over;
    }
    this.#sending ??= this.#send().finally(() => this.#sending = undefined);
  }

  /** Sends what waits, within a second. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await within(AT_STOP_MS, this.#parts.clock, async (tooLate) => {
      tooLate.addEventListener("abort", () => this.#stopped.abort(), { once: true });
      await this.#sending;
    });
    this.#stopped.abort();
  }

  /** Sends until nothing waits. Never rejects. */
  async #send(): Promise<void> {
    const { target, clock, logger, random = Math.random } = this.#parts;
    await this.#pause(COLLECT_MS);
    for (let attempt = 0; this.#waiting.length > 0 && !this.#stopped.signal.aborted;) {
      const batch = this.#waiting.slice(0, BATCH);
      const failure = await postSpans(target, batch, clock, this.#stopped.signal);
      if (failure === undefined || !failure.isTemporary) {
        // Others may have been dropped meanwhile, which were the first.
        const sent = new Set(batch);
        this.#waiting = this.#waiting.filter((span) => !sent.has(span));
        attempt = 0;
      }
      if (failure === undefined) {
        if (this.#isFailing) logger.info("Traces are sent again");
        this.#isFailing = false;
        if (this.#dropped > 0) {
          logger.warn(`${counted(this.#dropped, "span")} dropped while none could be sent`);
          this.#dropped = 0;
        }
        continue;
      }
      if (!this.#isFailing) {
        const then = failure.isTemporary ? "retrying" : "these are dropped";
        logger.warn(`Cannot send traces to ${shownUrl(target.url)}: ${failure.why}; ${then}`);
      }
      this.#isFailing = true;
      if (!failure.isTemporary) continue;
      // A node that stops does not wait for a collector to come back.
      if (this.#stopping.signal.aborted) return;
      await this.#pause(backoff(attempt++, RETRY, random) + RETRY.min);
    }
  }

  async #pause(ms: number): Promise<void> {
    const { signal } = this.#stopping;
    await this.#parts.clock.sleep(ms, signal).catch((error) => {
      if (!signal.aborted) throw error;
    });
  }
}

/**
 * The last report to the backend. It must not keep the node from ending.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { type Clock, within } from "../time.ts";

/** Who the backend is told about. */
export interface EndedInstance {
  /** What identifies it. */
  readonly uuid: string;
  /** Its name for people, as far as it is known. */
  readonly slug?: string;
}

/** What a last report asks of the backend. */
export interface EndApi {
  /** Says that the instance stopped because it was asked to. */
  terminated(instance: EndedInstance, signal?: AbortSignal): Promise<void>;
  /** Says that the instance cannot work, and why. */
  failed(instance: EndedInstance, error: string, signal?: AbortSignal): Promise<void>;
}

/** What a last report works with. */
export interface ReportParts {
  /** The backend. */
  readonly api: EndApi;
  /** Bounds the call. */
  readonly clock: Clock;
  /** Where a failure is reported. */
  readonly logger: Logger;
}

const LONGEST_MS = 5_000;

/**
 * Reports that the instance stopped, once, and gives up after `timeoutMs`, at most 5 s. Never
 * throws: a backend that misses the report notices the missing heartbeats.
 */
export function reportTerminated(
  instance: EndedInstance,
  parts: ReportParts,
  timeoutMs: number = LONGEST_MS,
): Promise<void> {
  const call = (signal: AbortSignal) => parts.api.terminated(instance, signal);
  return report("stopped", call, parts, timeoutMs);
}

/** Reports that the instance cannot work, and why, as {@linkcode reportTerminated} does. */
export function reportFailed(
  instance: EndedInstance,
  error: string,
  parts: ReportParts,
  timeoutMs: number = LONGEST_MS,
): Promise<void> {
  const call = (signal: AbortSignal) => parts.api.failed(instance, error, signal);
  return report("failed", call, parts, timeoutMs);
}

async function report(
  what: string,
  call: (signal: AbortSignal) => Promise<void>,
  { clock, logger }: ReportParts,
  timeoutMs: number,
): Promise<void> {
  const limit = Math.min(timeoutMs, LONGEST_MS);
  const warn = (why: string) => logger.warn(`Cannot report that this node has ${what}: ${why}`);
  if (limit <= 0) return warn("there was no time left");
  await within(limit, clock, async (tooLate) => {
    try {
      await call(tooLate);
    } catch (error) {
      warn(tooLate.aborted ? `no answer within ${limit / 1000} s` : messageOf(error));
    }
  });
}

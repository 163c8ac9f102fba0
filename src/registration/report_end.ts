/**
 * The last report to the backend. It must not delay the end of the node.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { type Clock, within } from "../time.ts";

/** Whose end is reported. */
interface EndedInstance {
  /** What identifies it. */
  readonly uuid: string;
  /** Its name for people, as far as it is known. */
  readonly slug?: string;
}

/** The calls of a last report. */
interface EndApi {
  /** Reports that the instance stopped because it was asked to. */
  terminated(instance: EndedInstance, signal?: AbortSignal): Promise<void>;
  /** Reports that the instance cannot work, and why. */
  failed(instance: EndedInstance, error: string, signal?: AbortSignal): Promise<void>;
}

/** What a last report works with. */
interface ReportParts {
  /** The backend. */
  readonly api: EndApi;
  /** Bounds the call. */
  readonly clock: Clock;
  /** Where a failure is reported. */
  readonly logger: Logger;
}

const TIMEOUT_MS = 5_000;

/**
 * Reports that the instance stopped, once, and gives up after 5 s or when `deadline` aborts. Never
 * throws: a backend that misses the report notices the missing heartbeats.
 */
export function reportTerminated(
  instance: EndedInstance,
  parts: ReportParts,
  deadline?: AbortSignal,
): Promise<void> {
  const call = (signal: AbortSignal) => parts.api.terminated(instance, signal);
  return report("stopped", call, parts, deadline);
}

/** Reports that the instance cannot work, and why, as {@linkcode reportTerminated} does. */
export function reportFailed(
  instance: EndedInstance,
  error: string,
  parts: ReportParts,
  deadline?: AbortSignal,
): Promise<void> {
  const call = (signal: AbortSignal) => parts.api.failed(instance, error, signal);
  return report("failed", call, parts, deadline);
}

async function report(
  what: string,
  call: (signal: AbortSignal) => Promise<void>,
  { clock, logger }: ReportParts,
  deadline: AbortSignal = new AbortController().signal,
): Promise<void> {
  const warn = (why: string) => logger.warn(`Cannot report that this node has ${what}: ${why}`);
  if (deadline.aborted) return warn("there was no time left");
  await within(TIMEOUT_MS, clock, async (timeout) => {
    const tooLate = AbortSignal.any([timeout, deadline]);
    try {
      await call(tooLate);
    } catch (error) {
      warn(tooLate.aborted ? "the backend did not answer in time" : messageOf(error));
    }
  });
}

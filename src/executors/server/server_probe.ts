/**
 * Checks whether a server is ready.
 *
 * @module
 */
import { messageOf } from "../../errors.ts";
import { type Clock, within } from "../../time.ts";
import { exchange } from "./exchange.ts";
import type { RequestTarget } from "./preset.ts";
import { type Readiness, readinessOf } from "./server_readiness.ts";

/** What to request, and how. */
interface ProbeOptions {
  readonly target: RequestTarget;
  /** Whether the URL is a readiness check; otherwise any answer of the server will do. */
  readonly isQuestion: boolean;
  readonly headers: Readonly<Record<string, string>>;
  /** Seconds that an answer may take. */
  readonly timeout: number;
  readonly clock: Clock;
}

/** What a probe has found. */
export type ProbeResult =
  | Readiness
  /** There was no answer in time, as from a server that does one thing at a time. */
  | { readonly type: "silent"; readonly why: string };

/** How many bytes of an answer are read. */
const MAX_BYTES = 64 * 1024;

/** Checks once. Never rejects. */
export async function probeServer(
  { target, isQuestion, headers, timeout, clock }: ProbeOptions,
  signal: AbortSignal,
): Promise<ProbeResult> {
  let result: ProbeResult | undefined;
  await within(timeout * 1000, clock, async (tooLate) => {
    try {
      result = await ask(target, isQuestion, headers, AbortSignal.any([signal, tooLate]));
    } catch (error) {
      result = tooLate.aborted
        ? { type: "silent", why: `it does not answer within ${timeout} s` }
        : { type: "waiting", why: messageOf(error) };
    }
  });
  return result!;
}

async function ask(
  target: RequestTarget,
  isQuestion: boolean,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Readiness> {
  const decoder = new TextDecoder();
  let text = "";
  const { status } = await exchange({ ...target, headers }, {
    signal,
    onBody: (bytes) => {
      if (text.length < MAX_BYTES) text += decoder.decode(bytes, { stream: true });
    },
  });
  return readinessOf(status, text, isQuestion);
}

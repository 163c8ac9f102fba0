/**
 * One request with spans to a collector.
 *
 * @module
 */
import manifest from "../../deno.json" with { type: "json" };
import { reasonOf } from "../backend/rest_http.ts";
import type { OtlpTarget } from "../config/otlp.ts";
import { untracedFetch } from "../os/untraced_fetch.ts";
import { type Clock, isAbort, within } from "../time.ts";
import type { TraceSpan } from "./command_spans.ts";
import { otlpBody } from "./otlp_json.ts";

/** Why a collector did not take spans. */
interface Refusal {
  readonly why: string;
  /** Whether the same request may succeed later. */
  readonly isTemporary: boolean;
}

const SCOPE = { name: manifest.name, version: manifest.version };

/** Answers after which the same request may succeed. */
const RETRYABLE: readonly number[] = [408, 429, 502, 503, 504];

/** Sends spans once; `undefined`: the collector has them. Never rejects, and ends when `over` aborts. */
export async function postSpans(
  { url, headers, timeoutMs, resource }: OtlpTarget,
  spans: readonly TraceSpan[],
  clock: Clock,
  over: AbortSignal,
): Promise<Refusal | undefined> {
  let response: Response | undefined;
  let why = `no answer within ${timeoutMs} ms`;
  await within(timeoutMs, clock, async (tooLate) => {
    const signal = AbortSignal.any([tooLate, over]);
    try {
      response = await untracedFetch(url, {
        method: "POST",
        headers: { ...headers, "Content-Type": "application/json" },
        body: otlpBody(spans, resource, SCOPE),
        redirect: "manual",
        signal,
      });
      await response.body?.cancel();
    } catch (error) {
      if (!isAbort(error, signal)) why = reasonOf(error).replaceAll(url, shownUrl(url));
    }
  });
  if (response === undefined) return { why, isTemporary: true };
  const { status, ok } = response;
  return ok ? undefined : { why: `it answered ${status}`, isTemporary: RETRYABLE.includes(status) };
}

/** A URL without what may be a key in it. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

/**
 * `fetch` without a trace of its URL.
 *
 * With `OTEL_DENO=true` in its environment Deno itself sends a span for each `fetch`, with the whole
 * URL: that of an upload is signed, which makes it a credential. Nothing turns that off but variables
 * that are read before this program is (Deno 2.9).
 *
 * @module
 */

/** Where a context of OpenTelemetry keeps its span. */
const SPAN = Symbol.for("OpenTelemetry Context Key SPAN");

/** A context in which each span ends as it begins, before Deno has written anything into it. */
const UNTRACED = {
  getValue: () => undefined,
  setValue(key: symbol, value: unknown) {
    if (key === SPAN) (value as { end?(): void } | undefined)?.end?.();
    return UNTRACED;
  },
  deleteValue: () => UNTRACED,
};

/** `Deno.telemetry.contextManager`, whose type says nothing. */
interface ContextManager {
  with<T>(context: typeof UNTRACED, run: () => T): T;
}

/** Fetches as `fetch` does. */
export function untracedFetch(url: string | URL, init?: RequestInit): Promise<Response> {
  const contexts = Deno.telemetry.contextManager as ContextManager;
  return contexts.with(UNTRACED, () => fetch(url, init));
}

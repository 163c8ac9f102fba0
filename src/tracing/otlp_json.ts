/**
 * Spans as OTLP/HTTP sends them in JSON. Pure.
 *
 * @module
 */
import type { TraceSpan } from "./command_spans.ts";

type Values = Readonly<Record<string, string | number>>;

const KINDS = { internal: 1, consumer: 5 } as const;

/** The scope of spans: what made them. */
interface Scope {
  readonly name: string;
  readonly version: string;
}

/** The body of a request with spans. */
export function otlpBody(spans: readonly TraceSpan[], resource: Values, scope: Scope): string {
  return JSON.stringify({
    resourceSpans: [{
      resource: { attributes: attributes(resource) },
      scopeSpans: [{ scope, spans: spans.map(otlpSpan) }],
    }],
  });
}

function otlpSpan(span: TraceSpan): Record<string, unknown> {
  const { traceId, spanId, parentId, state, name, kind, start, end, error } = span;
  return {
    traceId,
    spanId,
    ...(parentId !== undefined && { parentSpanId: parentId }),
    ...(state !== undefined && { traceState: state }),
    name,
    kind: KINDS[kind],
    startTimeUnixNano: nanoseconds(start),
    endTimeUnixNano: nanoseconds(end),
    attributes: attributes(span.attributes),
    events: span.events.map(({ name, at }) => ({ name, timeUnixNano: nanoseconds(at) })),
    // Sampled.
    flags: 1,
    status: error === undefined ? {} : { code: 2, message: error },
  };
}

/** More than a JSON number can hold. */
function nanoseconds(ms: number): string {
  return String(BigInt(Math.round(ms)) * 1_000_000n);
}

function attributes(values: Values): unknown[] {
  return Object.entries(values).map(([key, value]) => ({
    key,
    value: otlpValue(value),
  }));
}

function otlpValue(value: string | number): Record<string, string | number> {
  if (typeof value === "string") return { stringValue: value };
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

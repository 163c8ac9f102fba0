/**
 * W3C Trace Context: which trace a command belongs to. Pure.
 *
 * @module
 */

/** A place in a trace. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** The span that what follows belongs under: 16 hexadecimal digits. */
  readonly spanId: string;
  /** Whether the trace is recorded. */
  readonly isSampled: boolean;
  /** What systems on the way keep for themselves. It is passed on as it came. */
  readonly state?: string;
}

/** Its two headers. */
export interface TraceHeaders {
  readonly traceparent: string;
  readonly tracestate?: string;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** As much as the standard asks everybody to pass on. */
const MAX_STATE = 512;

const STATE =
  /^[^\s,=]+=[\x20-\x2b\x2d-\x3c\x3e-\x7e]+(,[^\s,=]+=[\x20-\x2b\x2d-\x3c\x3e-\x7e]+)*$/;

/** Reads what a message carries as user properties or headers; `undefined`: no valid context. */
export function readTraceContext(
  carried: Readonly<Record<string, unknown>> | undefined,
): TraceContext | undefined {
  const parent = carried?.traceparent;
  const [, version, traceId, spanId, flags, more] =
    (typeof parent === "string" ? TRACEPARENT.exec(parent) : null) ?? [];
  if (traceId === undefined || spanId === undefined || version === "ff") return undefined;
  if (version === "00" && more !== undefined) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  const isSampled = (parseInt(flags!, 16) & 1) === 1;
  const state = readState(carried?.tracestate);
  return { traceId, spanId, isSampled, ...(state !== undefined && { state }) };
}

/** It may come in several pieces. One that is damaged or too long is dropped, as the standard says. */
function readState(carried: unknown): string | undefined {
  const pieces = [carried].flat().filter((piece) => typeof piece === "string");
  const state = pieces.flatMap((piece) => piece.split(",")).map((member) => member.trim())
    .filter((member) => member !== "").join(",");
  // deno-lint-ignore no-control-regex
  const isAscii = !/[^\x00-\x7f]/.test(state);
  return state.length <= MAX_STATE && isAscii && STATE.test(state) ? state : undefined;
}

/** A context as it is handed on. */
export function traceHeaders({ traceId, spanId, isSampled, state }: TraceContext): TraceHeaders {
  const traceparent = `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}`;
  return state === undefined ? { traceparent } : { traceparent, tracestate: state };
}

/** The variables in which a program finds its context. */
export function traceVariables(context: TraceContext): Record<string, string> {
  const { traceparent, tracestate } = traceHeaders(context);
  return { TRACEPARENT: traceparent, ...(tracestate !== undefined && { TRACESTATE: tracestate }) };
}

/** The headers that say the same as these variables; `undefined`: there are none. */
export function headersOfVariables(
  { TRACEPARENT, TRACESTATE }: Readonly<Record<string, string>>,
): TraceHeaders | undefined {
  const context = readTraceContext({ traceparent: TRACEPARENT, tracestate: TRACESTATE });
  return context && traceHeaders(context);
}

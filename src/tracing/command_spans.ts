/**
 * The spans of a command, made from its row in the journal. Their ids are derived from the id of
 * the command, so they are the same before and after a restart. Pure.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { Sampler } from "../config/otlp.ts";
import { NO_TOPIC } from "../journal/messages.ts";
import type { CommandRecord, End } from "../journal/record.ts";
import { resourcesJson } from "../protocol/resources.ts";
import type { TraceContext } from "../protocol/trace_context.ts";

/** A span of OpenTelemetry. Times are in milliseconds since the epoch. */
export interface TraceSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** `undefined`: it begins the trace. */
  readonly parentId: string | undefined;
  readonly state?: string;
  readonly name: string;
  readonly kind: "internal" | "consumer";
  readonly start: number;
  readonly end: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly events: readonly { readonly name: string; readonly at: number }[];
  /** Why it failed; `undefined`: it did not. */
  readonly error?: string;
}

/** Which trace a command is part of. */
export interface CommandTrace {
  readonly traceId: string;
  /** The span of its sender; `undefined`: none is known. */
  readonly parentId: string | undefined;
  readonly isSampled: boolean;
  readonly state?: string;
}

/** The trace of a command, continued from that of its sender if there is one. */
export function traceOf(
  commandId: string,
  from: TraceContext | undefined,
  sampler: Sampler,
): CommandTrace {
  const traceId = from?.traceId ?? hash(`trace ${commandId}`, 32);
  const isSampled = from !== undefined && sampler.isParentBased
    ? from.isSampled
    : fractionOf(traceId) < sampler.ratio;
  return {
    ...{ traceId, parentId: from?.spanId, isSampled },
    ...(from?.state !== undefined && { state: from.state }),
  };
}

/** The random part of a trace id as a number from 0 to 1. */
function fractionOf(traceId: string): number {
  return parseInt(traceId.slice(-13), 16) / 2 ** 52;
}

/** The span context for the work of a command. */
export function workContext(commandId: string, trace: CommandTrace): TraceContext {
  const { traceId, isSampled, state } = trace;
  const spanId = spanIdOf(commandId, "run");
  return { traceId, spanId, isSampled, ...(state !== undefined && { state }) };
}

/** The spans of a command that has ended and whose reply was delivered at `repliedAt`. */
export function spansOf(
  command: CommandRecord,
  trace: CommandTrace,
  repliedAt: number,
): TraceSpan[] {
  const { id, kind, acceptedAt, startedAt, endedAt = repliedAt, end } = command;
  const { traceId, state } = trace;
  const error = errorOf(end);
  const root = spanIdOf(id, "command");
  // No span may end before it begins, and the clock may have been set back.
  const part = (name: string, from: number, to: number): TraceSpan => ({
    ...{ traceId, spanId: spanIdOf(id, name), parentId: root, name: `${kind} ${name}` },
    ...(state !== undefined && { state }),
    ...{ kind: "internal", start: from, end: Math.max(from, to), attributes: {}, events: [] },
  });
  const ran = startedAt === undefined ? [] : [{
    ...part("run", startedAt, endedAt),
    attributes: { ...endAttributes(end), ...resourceAttributes(end) },
    ...(error !== undefined && { error }),
  }];
  const whole = part("command", acceptedAt, Math.max(endedAt, repliedAt));
  return [
    {
      ...whole,
      ...{ spanId: root, parentId: trace.parentId, name: kind, kind: "consumer" },
      attributes: { ...commandAttributes(command), ...endAttributes(end) },
      events: [
        { name: "received", at: acceptedAt },
        ...(startedAt === undefined ? [] : [{ name: "started", at: startedAt }]),
        { name: "ended", at: endedAt },
        { name: "replied", at: repliedAt },
      ],
      ...(error !== undefined && { error }),
    },
    part("queue", acceptedAt, startedAt ?? endedAt),
    ...ran,
    part("reply", endedAt, repliedAt),
  ];
}

/** The attributes of a command: neither its params nor its output. */
function commandAttributes(
  { id, kind, requestId, workloadUuid, slug, instanceUuid, replyTopic }: CommandRecord,
): Record<string, string> {
  const isMessage = replyTopic !== NO_TOPIC;
  return {
    ...(isMessage && { "messaging.system": "mqtt", "messaging.operation.type": "process" }),
    "cyberwave.command.id": id,
    "cyberwave.command.kind": kind,
    "cyberwave.slug": slug,
    "cyberwave.instance.uuid": instanceUuid,
    ...(requestId !== undefined && { "cyberwave.request.id": requestId }),
    ...(workloadUuid !== undefined && { "cyberwave.workload.uuid": workloadUuid }),
  };
}

function endAttributes(end: End | undefined): Record<string, string | number> {
  if (end === undefined) return {};
  const { cause, exitCode, signal } = end;
  return {
    "cyberwave.command.end": cause,
    ...(exitCode !== undefined && { "process.exit.code": exitCode }),
    ...(signal !== undefined && { "cyberwave.command.signal": signal }),
    ...(errorOf(end) !== undefined && { "error.type": cause }),
  };
}

/** What it used, as far as that is known. */
function resourceAttributes(end: End | undefined): Record<string, number> {
  const used = Object.entries(resourcesJson(end?.resources) ?? {});
  return Object.fromEntries(used.map(([name, value]) => [`cyberwave.resources.${name}`, value]));
}

function errorOf(end: End | undefined): string | undefined {
  if (end === undefined || (end.cause === "exited" && end.exitCode === 0)) return undefined;
  if (end.cause === "exited") {
    return end.exitCode === undefined ? "failed" : `exit code ${end.exitCode}`;
  }
  return end.signal === undefined ? end.cause : `${end.cause} (${end.signal})`;
}

function spanIdOf(commandId: string, part: string): string {
  return hash(`${part} ${commandId}`, 16);
}

function hash(text: string, digits: number): string {
  return createHash("sha256").update(text).digest("hex").slice(0, digits);
}

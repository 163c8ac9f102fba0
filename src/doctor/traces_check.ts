/**
 * Whether a collector accepts the traces of the node.
 *
 * @module
 */
import { readOtlp } from "../config/otlp.ts";
import type { Clock } from "../time.ts";
import { postSpans, shownUrl } from "../tracing/post_spans.ts";
import { type Check, ok, warn } from "./finding.ts";

/** Sends an empty request to the collector that the environment of the node names, if any. */
export function tracesCheck(env: Readonly<Record<string, string>>, clock: Clock): Check[] {
  const { target, problems } = readOtlp(env);
  const isDenoTraced = env.OTEL_DENO?.toLowerCase() === "true";
  if (target === undefined && problems.length === 0 && !isDenoTraced) return [];
  return [{
    name: "traces",
    async run(signal) {
      const [problem] = problems;
      if (problem !== undefined) return warn(problem);
      if (isDenoTraced) return warn(DENO_TRACED, DENO_FIX);
      const url = shownUrl(target!.url);
      const refusal = await postSpans(target!, [], clock, signal);
      signal.throwIfAborted();
      if (refusal === undefined) return ok(`${url} takes them`);
      return warn(`${url} does not accept spans: ${refusal.why}`, FIX);
    },
  }];
}

const FIX = "OTEL_EXPORTER_OTLP_ENDPOINT must name the OTLP/HTTP port of a collector, mostly 4318";

const DENO_TRACED =
  "OTEL_DENO=true: Deno itself sends metrics and spans too, and delays a stop while they wait";

const DENO_FIX = "Unset it: the node's traces need nothing but OTEL_EXPORTER_OTLP_ENDPOINT";

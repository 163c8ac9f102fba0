/**
 * Where traces go: the variables of OpenTelemetry, which all its programs read.
 *
 * @module
 */
import { quoted } from "../errors.ts";

/** Where traces go, and which of them. */
export interface OtlpTarget {
  /** The collector's URL for traces. */
  readonly url: string;
  /** Headers for the collector. They may hold a key. */
  readonly headers: Readonly<Record<string, string>>;
  /** How long it may take to answer, in milliseconds. */
  readonly timeoutMs: number;
  /** What is said of the program that sends them: `service.name` and more. */
  readonly resource: Readonly<Record<string, string>>;
  readonly sampler: Sampler;
}

/** Which traces are recorded. */
export interface Sampler {
  /** Whether the sender of a command decides, where its message says that. */
  readonly isParentBased: boolean;
  /** The share of the others, from 0 to 1. */
  readonly ratio: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Longer is no good to a node, and an answer is never that late. */
const DEFAULT_TIMEOUT_MS = 10_000;

const SAMPLERS = ["always_on", "always_off", "traceidratio"];

/** What the variables ask for; `undefined`: nothing. `problems` are values that cannot be used. */
export function readOtlp(
  env: Environment,
): { readonly target?: OtlpTarget; readonly problems: readonly string[] } {
  const url = tracesUrl(env);
  if (url === undefined || env.OTEL_SDK_DISABLED?.toLowerCase() === "true") return { problems: [] };
  if (env.OTEL_TRACES_EXPORTER === "none") return { problems: [] };
  if ("problem" in url) return { problems: [`${url.problem}: there are no traces`] };
  const problems: string[] = [];
  const [protocol] = givenFor("PROTOCOL", env);
  if (protocol === "grpc") {
    problems.push(
      `Traces go to ${url.url} as http/json: OTEL_EXPORTER_OTLP_PROTOCOL=grpc is not supported`,
    );
  }
  const target = {
    url: url.url,
    headers: pairs(givenFor("HEADERS", env)[0], "OTEL_EXPORTER_OTLP_HEADERS", problems),
    timeoutMs: readTimeout(givenFor("TIMEOUT", env)[0], problems),
    resource: {
      "service.name": "cyberwave-cloud-node",
      ...pairs(env.OTEL_RESOURCE_ATTRIBUTES, "OTEL_RESOURCE_ATTRIBUTES", problems),
      ...(env.OTEL_SERVICE_NAME && { "service.name": env.OTEL_SERVICE_NAME }),
    },
    sampler: readSampler(env, problems),
  };
  return { target, problems };
}

/** What the variable for traces says, else that for all signals, and the name of that. */
function givenFor(what: string, env: Environment): [value: string | undefined, name: string] {
  const own = `OTEL_EXPORTER_OTLP_TRACES_${what}`;
  return env[own]
    ? [env[own], own]
    : [env[`OTEL_EXPORTER_OTLP_${what}`], `OTEL_EXPORTER_OTLP_${what}`];
}

function tracesUrl(env: Environment): { url: string } | { problem: string } | undefined {
  const [endpoint, name] = givenFor("ENDPOINT", env);
  if (!endpoint) return undefined;
  const url = URL.parse(endpoint);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return { problem: `${name} must be a URL with http:// or https://, not ${quoted(endpoint)}` };
  }
  // Only the endpoint of all signals is a base.
  if (!name.includes("TRACES")) url.pathname = `${url.pathname.replace(/\/$/, "")}/v1/traces`;
  return { url: url.href };
}

/** `name=value,name=value`, percent-encoded. */
function pairs(
  text: string | undefined,
  variable: string,
  problems: string[],
): Record<string, string> {
  const found: Record<string, string> = {};
  for (const pair of text?.split(",") ?? []) {
    if (pair.trim() === "") continue;
    const [, name, text] = /^\s*([\w.-]+)\s*=(.*)$/s.exec(pair) ?? [];
    const value = text === undefined ? undefined : decode(text.trim());
    if (value !== undefined) found[name!] = value;
    // What is wrong with it is not shown: it may be a key.
    else problems.push(`${variable} has an entry that is not name=value, which is ignored`);
  }
  return found;
}

function decode(text: string): string | undefined {
  try {
    const decoded = decodeURIComponent(text);
    return /\p{Cc}/u.test(decoded) ? undefined : decoded;
  } catch {
    return undefined;
  }
}

function readTimeout(text: string | undefined, problems: string[]): number {
  if (!text) return DEFAULT_TIMEOUT_MS;
  const ms = Number(text);
  if (Number.isSafeInteger(ms) && ms > 0) return ms;
  problems.push(
    `OTEL_EXPORTER_OTLP_TIMEOUT must be milliseconds, not ${
      quoted(text)
    }: it is ${DEFAULT_TIMEOUT_MS}`,
  );
  return DEFAULT_TIMEOUT_MS;
}

function readSampler(env: Environment, problems: string[]): Sampler {
  const name = env.OTEL_TRACES_SAMPLER || "parentbased_always_on";
  const isParentBased = name.startsWith("parentbased_");
  const root = name.replace("parentbased_", "");
  if (!SAMPLERS.includes(root)) {
    problems.push(`OTEL_TRACES_SAMPLER ${quoted(name)} is not supported: all traces are recorded`);
    return { isParentBased: true, ratio: 1 };
  }
  if (root !== "traceidratio") return { isParentBased, ratio: root === "always_on" ? 1 : 0 };
  const ratio = Number(env.OTEL_TRACES_SAMPLER_ARG || 1);
  if (ratio >= 0 && ratio <= 1) return { isParentBased, ratio };
  problems.push(
    `OTEL_TRACES_SAMPLER_ARG must be from 0 to 1, not ${
      quoted(env.OTEL_TRACES_SAMPLER_ARG!)
    }: it is 1`,
  );
  return { isParentBased, ratio: 1 };
}

/**
 * The APIs of servers: where a command goes, what its params are put into, where its output is
 * found, and how it is cancelled. Pure.
 *
 * @module
 */

import type { ServerApi } from "../../config/programs/workload_program.ts";

/** One request, without its body. */
export interface RequestTarget {
  readonly method: "GET" | "OPTIONS" | "POST" | "PUT";
  readonly url: string;
}

/** The API of one kind of server. */
export interface Preset {
  /** The member that params are put into. Default: none, they are the whole body. */
  readonly wrap?: string;
  /** The member that the answer is taken from. Default: none, all of it is the answer. */
  readonly unwrap?: string;
  /** Words of `status`, in lower case, of answers that are failures. */
  readonly failures: readonly string[];
  /** Words of `status`, in lower case, of answers that came before the work was done. */
  readonly unfinished: readonly string[];
  /** Whether an answer of status 200 with a member `error` is a failure. */
  readonly failsByError: boolean;
  /** The HTTP statuses that always mean that it has no room and has done nothing. */
  readonly busy: readonly number[];
  /** Where a command goes, which is known by `id`. */
  send(url: string, id: string): RequestTarget;
  /** The request that cancels it; `undefined`: closing the connection does. */
  cancel?(url: string, id: string): RequestTarget;
  /** What to ask whether the server is ready. */
  ready(url: string): RequestTarget;
}

const post = (url: string): RequestTarget => ({ method: "POST", url });

/**
 * A request that has no effect by definition, for servers of which nothing else is known: GET may
 * run a model if a server ignores the method.
 */
const anything = (url: string): RequestTarget => ({ method: "OPTIONS", url });

const get = (url: string): RequestTarget => ({ method: "GET", url });

/** `url` with something behind its path, whatever its query. */
function below(url: string, rest: string): string {
  const result = new URL(url);
  result.pathname = `${result.pathname.replace(/\/+$/, "")}/${rest}`;
  return result.href;
}

/** `url` with another path; `from` is what is replaced at the end of it, if it ends like that. */
function beside(url: string, from: RegExp, to: string): string | undefined {
  const result = new URL(url);
  if (!from.test(result.pathname)) return undefined;
  result.pathname = result.pathname.replace(from, to);
  result.search = "";
  return result.href;
}

const JSON_PRESET: Preset = {
  failures: [],
  unfinished: [],
  failsByError: false,
  busy: [429],
  send: post,
  ready: anything,
};

/** The API of each kind of server. */
export const PRESETS: Readonly<Record<ServerApi, Preset>> = {
  json: JSON_PRESET,
  // A prediction that is made by PUT has an id, by which it can be cancelled. All its slots being in
  // use is 409. The same PUT again would find a prediction only while that runs, and make another one
  // afterwards: so it is no way to learn how one has ended.
  cog: {
    wrap: "input",
    unwrap: "output",
    failures: ["failed", "canceled", "aborted"],
    unfinished: ["starting", "processing"],
    failsByError: false,
    busy: [409, 429],
    send: (url, id) => ({ method: "PUT", url: below(url, id) }),
    cancel: (url, id) => post(below(below(url, id), "cancel")),
    ready: (url) => get(new URL("/health-check", url).href),
  },
  oip: {
    ...JSON_PRESET,
    failsByError: true,
    ready: (url) =>
      get(beside(url, /\/infer\/?$/, "/ready") ?? new URL("/v2/health/ready", url).href),
  },
  // Its local server has no call that cancels, and /runsync names its job in the answer only.
  runpod: {
    ...JSON_PRESET,
    wrap: "input",
    unwrap: "output",
    failures: ["failed", "cancelled", "timed_out"],
    unfinished: ["in_queue", "in_progress"],
    failsByError: true,
  },
  openai: {
    ...JSON_PRESET,
    failsByError: true,
    ready: (url) => get(beside(url, /\/v1\/.*$/, "/v1/models") ?? new URL("/v1/models", url).href),
  },
};

/** The body that holds `params`, which are JSON, in a member called `wrap`. */
export function requestBody(params: string, wrap: string | undefined): string {
  return wrap === undefined ? params : `{${JSON.stringify(wrap)}:${params}}`;
}

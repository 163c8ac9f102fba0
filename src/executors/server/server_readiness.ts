/**
 * What the answer to a readiness check means. Pure.
 *
 * @module
 */

/** What a server says about itself. */
export type Readiness =
  /** It takes commands, unless it `isBusy`: then it runs as many as it can. */
  | { readonly type: "ready"; readonly isBusy?: boolean }
  /** It may become ready. */
  | { readonly type: "waiting"; readonly why: string }
  /** It never will. */
  | { readonly type: "broken"; readonly why: string };

/** Words of `status`, in lower case, of a server that is not ready. */
const WAITING = ["starting", "loading", "unhealthy"];

/** Words of `status`, in lower case, of a server that has failed for good. */
const BROKEN = ["setup_failed", "defunct"];

/** A word of a status, for the log. */
const said = (word: string) => `it says ${JSON.stringify(word)}`;

/**
 * What an answer says: `text` is its body, or the beginning of that. `isQuestion`: the URL is a
 * readiness check; otherwise any answer will do.
 */
export function readinessOf(status: number, text: string, isQuestion: boolean): Readiness {
  const isGood = status >= 200 && status < 300;
  if (!isGood && (isQuestion || [502, 503, 504].includes(status))) {
    return { type: "waiting", why: `it answers ${status}` };
  }
  if (!isQuestion) return { type: "ready" };
  const body = parsed(text);
  if (body === undefined) return { type: "ready" };
  const word = typeof body.status === "string" ? body.status.toLowerCase() : "";
  if (BROKEN.includes(word)) return { type: "broken", why: brokenBecause(body, word) };
  if (WAITING.includes(word)) return { type: "waiting", why: said(word) };
  for (const name of ["ready", "live"]) {
    if (body[name] === false) return { type: "waiting", why: `it says that ${name} is false` };
  }
  return word === "busy" ? { type: "ready", isBusy: true } : { type: "ready" };
}

/** The last line of what Cog logged at setup says what went wrong. */
function brokenBecause({ setup }: Readonly<Record<string, unknown>>, word: string): string {
  const logs = typeof setup === "object" && setup !== null && "logs" in setup ? setup.logs : "";
  const last = String(logs).trim().split("\n").at(-1)!.slice(0, 300);
  return last === "" ? said(word) : `${said(word)}: ${last}`;
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

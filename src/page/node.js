/** The node, as its API shows it. */
import { useCallback, useEffect, useState } from "./html.js";

/** Below the page's own path, where alone the browser sends its cookie. */
export const API = "api/v1";

/** A request that was refused or got no answer. `status` is 0 when there was no answer. */
export class RequestError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Asks the node. Resolves with a response whose status is a success. */
export async function ask(path, options) {
  let response;
  try {
    response = await fetch(API + path, options);
  } catch {
    throw new RequestError(0, "The node does not answer");
  }
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({}));
  throw new RequestError(response.status, error ?? `The node answered ${response.status}`);
}

/** Has the node do something. */
export async function post(path, body = {}) {
  const headers = { "content-type": "application/json" };
  const response = await ask(path, { method: "POST", headers, body: JSON.stringify(body) });
  return await response.json();
}

/** Called whenever something of the node has changed. */
const listeners = new Set();

const EVENTS = [
  ...["ready", "connection", "draining", "executor", "accepted"],
  ...["started", "progress", "ended", "replied", "reset"],
];

/** How long to collect events before anything is loaded again. */
const PAUSE_MS = 250;

/** Follows the node's events, for as long as the page is open. */
export function followEvents() {
  const source = new EventSource(`${API}/events`);
  let timer;
  const changed = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      for (const listener of listeners) listener();
    }, PAUSE_MS);
  };
  for (const name of EVENTS) source.addEventListener(name, changed);
}

/**
 * What the API answers at `path`, loaded again every `every` ms while somebody looks, and at each
 * event when `isLive`. `data` stays what it was while the node does not answer.
 */
export function useNode(path, { every, isLive = false } = {}) {
  const [state, setState] = useState({});
  const [round, setRound] = useState(0);
  useEffect(() => {
    if (path === undefined) return;
    let [hasEnded, timer] = [false, undefined];
    const load = async () => {
      clearTimeout(timer);
      if (!document.hidden) {
        try {
          const data = await (await ask(path)).json();
          if (!hasEnded) setState({ path, data });
        } catch (error) {
          if (!hasEnded) setState((old) => ({ ...(old.path === path && old), path, error }));
        }
      }
      clearTimeout(timer);
      if (!hasEnded && every !== undefined) timer = setTimeout(load, every);
    };
    load();
    if (isLive) listeners.add(load);
    document.addEventListener("visibilitychange", load);
    return () => {
      hasEnded = true;
      clearTimeout(timer);
      listeners.delete(load);
      document.removeEventListener("visibilitychange", load);
    };
  }, [path, every, isLive, round]);
  const reload = useCallback(() => setRound((round) => round + 1), []);
  return { data: state.data, error: state.error, isCurrent: state.path === path, reload };
}

/** The path of a workload in the API. */
export function workloadPath(id) {
  return `/workloads/${encodeURIComponent(id)}`;
}

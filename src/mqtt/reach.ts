/**
 * How far a server can be reached: DNS, TCP, TLS. For diagnosis, since a connection that fails
 * does not show at which of them.
 *
 * @module
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Clock } from "../time.ts";
import { failedConnection, type Failure } from "./failure.ts";
import type { Broker } from "./broker.ts";
import { openSocket } from "./socket.ts";

/** A server, and how to speak with it. */
export interface Server extends Pick<Broker, "host" | "port" | "tls"> {
  /** What messages call it, such as `the broker`. */
  readonly name: string;
}

/** A step on the way to a server. */
export type Stage = "DNS" | "TCP" | "TLS";

/** How far the way is open. */
export interface Reach {
  /** The steps that went well, and how many milliseconds each took. */
  readonly passed: readonly { readonly stage: Stage; readonly ms: number }[];
  /** The step that failed, if one did. */
  readonly failed?: { readonly stage: Stage; readonly failure: Failure };
}

/** Goes as far as it can; throws the reason of `signal` when that aborts first. */
export async function reach(server: Server, clock: Clock, signal: AbortSignal): Promise<Reach> {
  const passed: { stage: Stage; ms: number }[] = [];
  for (const stage of stagesTo(server)) {
    const start = clock.monotonic();
    try {
      await STAGES[stage](server, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (stage === "DNS" && isForbidden(error)) continue;
      return { passed, failed: { stage, failure: failureOf(error as Error, server) } };
    }
    passed.push({ stage, ms: clock.monotonic() - start });
  }
  return { passed };
}

/** Permission for one port of a host does not include looking up its name. */
function isForbidden(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EPERM";
}

function stagesTo({ host, tls }: Server): Stage[] {
  return [...isIP(host) ? [] : ["DNS" as const], "TCP", ...tls ? ["TLS" as const] : []];
}

const STAGES: Readonly<Record<Stage, (server: Server, signal: AbortSignal) => Promise<unknown>>> = {
  DNS: ({ host }) => lookup(host),
  TCP: ({ host, port }, signal) => connect({ host, port }, "connect", signal),
  TLS: (server, signal) => connect(server, "secureConnect", signal),
};

async function connect(
  target: Pick<Server, "host" | "port" | "tls">,
  success: "connect" | "secureConnect",
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const socket = openSocket(target);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const abort = () => socket.destroy(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once(success, resolve);
      socket.once("error", reject);
      socket.once("close", () => reject(new Error("the server closed the connection")));
    });
  } finally {
    signal.removeEventListener("abort", abort);
    socket.on("error", () => {});
    socket.destroy();
    await closed;
  }
}

function failureOf(error: Error, { host, name }: Server): Failure {
  return failedConnection(error, { host, server: name }) ??
    { kind: "outage", why: `${name} closed the connection` };
}

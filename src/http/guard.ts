/**
 * Who may ask what over HTTP. Pure.
 *
 * A web page in a browser on this computer can send requests to loopback too, and a name that its
 * owner points at 127.0.0.1 makes them look local. So the Host is checked on every route, and Origin
 * and Sec-Fetch-Site wherever a browser sends them.
 *
 * @module
 */
import { isIP } from "../config/values/ip_address.ts";
import type { ErrorCode } from "./answers.ts";

/** The parts of a request that decide. */
interface GuardedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
}

/** What a route requires. */
export interface Access {
  /** The method it answers to. HEAD goes with GET, unless `hasEffect`. */
  readonly method: "GET" | "POST";
  /** Whether a GET changes something, so that HEAD is refused. Default: `false`. */
  readonly hasEffect?: boolean;
  /** Whether it needs no token. */
  readonly isOpen?: boolean;
}

/** The values of Host that mean a server, in lower case. */
type Hosts = Pick<ReadonlySet<string>, "has">;

/** Where the server is. */
export interface Listening {
  /** The values of Host that mean this server; `undefined` on a unix socket, where any does. */
  readonly hosts: Hosts | undefined;
  /** Whether a token is needed: not on a unix socket, which only its owner can open. */
  readonly needsToken: boolean;
}

/** Why a request is refused. */
export interface Refusal {
  readonly status: 400 | 401 | 403 | 404 | 405;
  readonly code: ErrorCode;
  readonly error: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Checks where a request comes from, before anything else is looked at. */
export function refuseOrigin(
  { headers }: Pick<GuardedRequest, "headers">,
  { hosts }: Listening,
): Refusal | undefined {
  const host = headers.get("host")?.toLowerCase() ?? "";
  if (hosts !== undefined && !hosts.has(host)) {
    return forbidden("This server does not answer to that Host");
  }
  const origin = headers.get("origin");
  if (origin !== null && origin.toLowerCase() !== `http://${host}`) {
    return forbidden("Requests from other origins are refused");
  }
  const site = headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin" && site !== "none") {
    return forbidden("Requests from other sites are refused");
  }
  return undefined;
}

function forbidden(error: string): Refusal {
  return { status: 403, code: "forbidden", error };
}

/** Checks whether a request may use the route it names; `undefined` as access: there is no such route. */
export function refuseAccess(
  request: GuardedRequest,
  access: Access | undefined,
  { needsToken }: Listening,
  isAuthorized: boolean,
): Refusal | undefined {
  // Without a token nobody learns which workloads exist.
  if (needsToken && !isAuthorized && !access?.isOpen) {
    return {
      status: 401,
      code: "unauthorized",
      error: "This needs the token of the file http_token in the node's state folder",
      headers: { "www-authenticate": 'Bearer realm="cyberwave-cloud-node"' },
    };
  }
  if (access === undefined) {
    return { status: 404, code: "not_found", error: "There is nothing here" };
  }
  const allowed = methodsOf(access);
  if (!allowed.includes(request.method)) {
    const error = `Use ${allowed.join(" or ")} here`;
    const headers = { allow: allowed.join(", ") };
    return { status: 405, code: "method_not_allowed", error, headers };
  }
  if (request.method === "POST" && !isJson(request.headers)) {
    // A form of another site cannot send JSON without permission.
    const error = "The content type must be application/json";
    return { status: 400, code: "invalid_request", error };
  }
  return undefined;
}

function methodsOf({ method, hasEffect }: Access): readonly string[] {
  return method === "GET" && !hasEffect ? ["GET", "HEAD"] : [method];
}

function isJson(headers: Headers): boolean {
  const [type] = (headers.get("content-type") ?? "").split(";");
  return type.trim().toLowerCase() === "application/json";
}

/**
 * The values of Host that mean a server on this address: with the port, and as localhost on loopback.
 * On all addresses of the machine, any address does, with any port: others may forward theirs to it,
 * and no name leads there that somebody else may point elsewhere.
 */
export function hostsOf(hostname: string, port: number): Hosts {
  const name = hostname.includes(":") ? `[${hostname}]` : hostname;
  const loopback = ["127.0.0.1", "[::1]", "localhost"];
  const isEvery = isEverywhere(hostname);
  const names = isEvery || loopback.includes(name) ? [name, ...loopback] : [name];
  const hosts = new Set(names.flatMap((name) => {
    const host = name.toLowerCase();
    return port === 80 ? [host, `${host}:80`] : [`${host}:${port}`];
  }));
  return isEvery ? { has: (host) => hosts.has(host) || isAddress(host) } : hosts;
}

/** Whether a Host is an address of IP, with or without a port. */
function isAddress(host: string): boolean {
  const [, ipv6, ipv4] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d{1,5})?$/.exec(host) ?? [];
  return isIP(ipv6 ?? ipv4 ?? "");
}

/** Whether an address means all of the machine. */
export function isEverywhere(hostname: string): boolean {
  return hostname === "0.0.0.0" || hostname === "::";
}

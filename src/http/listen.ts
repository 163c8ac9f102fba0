/**
 * Opens the socket of the HTTP server.
 *
 * @module
 */
import * as fs from "node:fs";
import { createServer } from "node:http";
import { AUTO_PORTS, type HttpAddress, unnamedSocket } from "../config/values/http_address.ts";
import { ConfigError, messageOf, quoted } from "../errors.ts";
import {
  exchangeOverHttp,
  type HttpHandler,
  type HttpServerRequest,
} from "./exchange_over_http.ts";
import { hostsOf, isEverywhere, type Listening } from "./guard.ts";
import { serveSocket } from "./socket_server.ts";

/** A server that listens. */
export interface Listener extends Listening {
  /** Where it is found: a URL, or `unix:` and a path. */
  readonly url: string;
  /** Stops listening and closes every connection: an idle client would delay the end. */
  close(): Promise<void>;
}

const LOOPBACK = "127.0.0.1";

/** The limits of a server. */
interface ServerLimits {
  readonly connections: number;
  /** How long the head of a request may take, and the whole of it, in milliseconds. */
  readonly headMs: number;
  readonly requestMs: number;
  /** How often that is checked. */
  readonly checkMs: number;
}

/**
 * Every user of the computer can open connections, and each takes a file descriptor of the node. Not
 * by `Deno.serve`, which bounds neither their number nor their time, and whose failure to accept
 * another one ends the program (Deno 2.9.6).
 */
const LIMITS: ServerLimits = {
  connections: 128,
  headMs: 10_000,
  requestMs: 60_000,
  checkMs: 2_000,
};

/** Starts to listen. The handler is called with what was opened. */
export async function listen(
  address: HttpAddress,
  handler: (request: HttpServerRequest, listening: Listening) => Promise<Response>,
  limits: ServerLimits = LIMITS,
): Promise<Listener> {
  switch (address.type) {
    case "tcp":
      return await listenOn(address.hostname, address.port, handler, limits);
    case "auto":
      return await listenOnFirst(handler, limits);
    case "unix":
      return listenAt(address.path, handler);
  }
}

type Handler = Parameters<typeof listen>[1];

async function listenOn(
  hostname: string,
  port: number,
  handler: Handler,
  limits: ServerLimits,
): Promise<Listener> {
  const listening = { hosts: hostsOf(hostname, port), needsToken: true };
  try {
    const where = { host: hostname, port };
    const server = await serve(where, limits, (request) => handler(request, listening));
    listening.hosts = hostsOf(hostname, server.port);
    const name = isEverywhere(hostname) ? LOOPBACK : hostname;
    const host = name.includes(":") ? `[${name}]` : name;
    const url = `http://${host}:${server.port}`;
    return { ...listening, url, close: server.close };
  } catch (error) {
    throw new ConfigError(`Cannot listen on ${hostname}:${port}: ${messageOf(error)}`, {
      hint: "Set http to another port, or to auto for the first free one of a small range",
      cause: error,
    });
  }
}

/** Serves until it is closed. */
async function serve(
  where: Readonly<{ host: string; port: number }>,
  limits: ServerLimits,
  handler: HttpHandler,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createServer({
    headersTimeout: limits.headMs,
    requestTimeout: limits.requestMs,
    connectionsCheckingInterval: limits.checkMs,
  }, (incoming, outgoing) => void exchangeOverHttp(incoming, outgoing, handler));
  server.maxConnections = limits.connections;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, resolve);
  });
  // The server goes on if one connection cannot be accepted.
  server.on("error", () => {});
  const address = server.address();
  return {
    port: address !== null && typeof address === "object" ? address.port : 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function listenOnFirst(handler: Handler, limits: ServerLimits): Promise<Listener> {
  const { first, last } = AUTO_PORTS;
  for (let port = first; port <= last; port++) {
    try {
      return await listenOn(LOOPBACK, port, handler, limits);
    } catch (error) {
      if (!(error instanceof ConfigError && isInUse(error.cause))) throw error;
    }
  }
  throw new ConfigError(`The ports ${first} to ${last} of ${LOOPBACK} are all in use`, {
    hint: "Set http to a free port",
  });
}

function isInUse(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}

/**
 * Makes sure that a new socket replaces nothing but the socket of a killed node.
 *
 * @throws {ConfigError} if something else is
 */
export async function requireFree(address: HttpAddress): Promise<void> {
  if (address.type !== "unix") return;
  const { path } = address;
  const found = fs.lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  let problem = "there is something else";
  if (found.isSocket()) {
    try {
      (await Deno.connect({ transport: "unix", path })).close();
      problem = "another program listens there";
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionRefused) return;
      problem = messageOf(error);
    }
  }
  throw new ConfigError(`Cannot listen at ${quoted(path)}: ${problem}`, {
    hint: "Set http to unix: and a path where there is nothing",
  });
}

/**
 * Whoever can open the socket may do all, so it is made in a folder that nobody else can enter, and
 * takes its name when only its owner can open it.
 */
function listenAt(path: string, handler: Handler): Listener {
  const listening = { hosts: undefined, needsToken: false };
  const url = `unix:${path}`;
  const { folder, path: unnamed } = unnamedSocket(path);
  let isMade = false;
  try {
    makeFolder(folder, unnamed);
    isMade = true;
    const server = serveSocket(unnamed, (request) => handler(request, listening));
    fs.chmodSync(unnamed, 0o600);
    fs.renameSync(unnamed, path);
    return {
      ...listening,
      url,
      async close() {
        await server.close();
        fs.rmSync(path, { force: true });
      },
    };
  } catch (error) {
    throw new ConfigError(`Cannot listen at ${quoted(path)}: ${messageOf(error)}`, {
      hint: "Set http to unix: and a path in a folder that this user can write",
      cause: error,
    });
  } finally {
    if (isMade) fs.rmSync(folder, { recursive: true });
  }
}

/** Makes the folder of a socket, in place of one that a killed node has left. */
function makeFolder(folder: string, socket: string): void {
  const make = () => fs.mkdirSync(folder, { mode: 0o700 });
  try {
    make();
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error;
    fs.rmSync(socket, { force: true });
    fs.rmdirSync(folder);
    make();
  }
}

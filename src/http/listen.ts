/**
 * Opens the socket of the HTTP server.
 *
 * @module
 */
import * as fs from "node:fs";
import { AUTO_PORTS, type HttpAddress } from "../config/http_address.ts";
import { ConfigError, messageOf, quoted } from "../errors.ts";
import { hostsOf, isEverywhere, type Listening } from "./guard.ts";

/** A server that listens. */
export interface Listener extends Listening {
  /** Where it is found: a URL, or `unix:` and a path. */
  readonly url: string;
  /** Stops listening and closes every connection: a client that stands still would hold it up. */
  close(): Promise<void>;
}

const LOOPBACK = "127.0.0.1";

/** Starts to listen. The handler is called with what was opened. */
export function listen(
  address: HttpAddress,
  handler: (request: Request, listening: Listening) => Promise<Response>,
): Listener {
  switch (address.type) {
    case "tcp":
      return listenOn(address.hostname, address.port, handler);
    case "auto":
      return listenOnFirst(handler);
    case "unix":
      return listenAt(address.path, handler);
  }
}

type Handler = Parameters<typeof listen>[1];

function listenOn(hostname: string, port: number, handler: Handler): Listener {
  const listening = { hosts: hostsOf(hostname, port), needsToken: true };
  try {
    const server = serve({ hostname, port }, (request) => handler(request, listening));
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
function serve(
  where: Readonly<{ hostname: string; port: number }> | Readonly<{ path: string }>,
  handler: (request: Request) => Promise<Response>,
): { readonly port: number; close(): Promise<void> } {
  const closing = new AbortController();
  const options = { ...where, signal: closing.signal, onListen() {} };
  const { addr, finished } = Deno.serve(options as Deno.ServeTcpOptions, handler);
  return {
    port: addr.port,
    async close() {
      closing.abort();
      await finished;
    },
  };
}

function listenOnFirst(handler: Handler): Listener {
  const { first, last } = AUTO_PORTS;
  for (let port = first; port <= last; port++) {
    try {
      return listenOn(LOOPBACK, port, handler);
    } catch (error) {
      if (!(error instanceof ConfigError && error.cause instanceof Deno.errors.AddrInUse)) {
        throw error;
      }
    }
  }
  throw new ConfigError(`The ports ${first} to ${last} of ${LOOPBACK} are all in use`, {
    hint: "Set http to a free port",
  });
}

/**
 * Makes sure that nothing is lost where a socket is made: only one that a killed node left may be there.
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
  let folder: string | undefined;
  try {
    folder = fs.mkdtempSync(`${path}.`);
    const unnamed = `${folder}/s`;
    const server = serve({ path: unnamed }, (request) => handler(request, listening));
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
    if (folder !== undefined) fs.rmSync(folder, { recursive: true });
  }
}

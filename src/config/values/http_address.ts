/**
 * Where the node's HTTP server listens.
 *
 * @module
 */
import { resolve } from "node:path";
import { isIP } from "./ip_address.ts";
import { quoted } from "../../errors.ts";
import type { Parsed, ValueType } from "./values.ts";

/** Where to listen. */
export type HttpAddress =
  | { readonly type: "tcp"; readonly hostname: string; readonly port: number }
  /** The first free port of {@linkcode AUTO_PORTS}, on loopback. */
  | { readonly type: "auto" }
  /** A socket that only its owner can open. Its path is absolute. */
  | { readonly type: "unix"; readonly path: string };

/** The ports among which `auto` chooses, so that a firewall or a scrape configuration can name them. */
export const AUTO_PORTS = { first: 8470, last: 8479 } as const;

const LOOPBACK = "127.0.0.1";
const UNIX = "unix:";

/** `PORT` on loopback, `HOST:PORT` with an address, `auto`, or `unix:PATH`. */
export const httpAddress: ValueType<string> = {
  parse(value): Parsed<string> {
    const text = typeof value === "number" ? String(value) : value;
    if (typeof text === "string" && readHttpAddress(text.trim()) !== undefined) {
      return { value: text.trim() };
    }
    const forms = "a port, an address and a port (0.0.0.0:8470), auto, or unix: and a path";
    return { problem: `must be ${forms}, got ${quoted(value)}` };
  },
  format: (value) => value,
};

/**
 * Where the socket at a path is made, before it takes its name: in a folder of its own. Deno allows
 * sockets by their paths, so this is always the same.
 */
export function unnamedSocket(path: string): { readonly folder: string; readonly path: string } {
  const folder = `${path}.new`;
  return { folder, path: `${folder}/s` };
}

/** Reads an address; `undefined`: it is none. */
export function readHttpAddress(text: string): HttpAddress | undefined {
  if (text === "auto") return { type: "auto" };
  if (text.startsWith(UNIX)) {
    const path = text.slice(UNIX.length);
    return path === "" || path.includes("\0") ? undefined : { type: "unix", path: resolve(path) };
  }
  const [, host = LOOPBACK, digits] = /^(?:(\[[^\]]*\]|[^:]*):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  const hostname = host === "localhost" ? LOOPBACK : host.replace(/^\[(.*)\]$/, "$1");
  // An address, because a name may come to mean another one.
  if (digits === undefined || port > 65_535 || !isIP(hostname)) return undefined;
  return { type: "tcp", hostname, port };
}

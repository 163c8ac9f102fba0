/**
 * A config file that is fetched: one for many nodes, of which each knows the checksum.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { FetchedFile } from "../config/load.ts";
import { CloudNodeError, ConfigError, messageOf, quoted } from "../errors.ts";
import { untracedFetch } from "../os/untraced_fetch.ts";
import { requirePermissions } from "../permissions.ts";

/** The config file could not be fetched, which may be different in a moment. */
class FetchConfigError extends CloudNodeError {
  /** Always 1: whoever starts the node may try again. */
  readonly exitCode = 1;
}

const TIMEOUT_MS = 30_000;
const MAX_BYTES = 1024 * 1024;

/** The commands that start something in the folder of their config file, on another day. */
const NEEDS_FILE = ["service"];

/**
 * Fetches what `reference` names, `https://host/path#sha256=...`, for a command.
 *
 * @throws {ConfigError} if there is no checksum, or what comes has another one
 */
export async function fetchConfig(reference: string, command: string): Promise<FetchedFile> {
  if (NEEDS_FILE.includes(command)) {
    throw new ConfigError(`${quoted(command)} needs a config file on this computer`);
  }
  const { url, checksum } = readReference(reference);
  requirePermissions([{ what: { name: "net", host: url.host }, why: "--config" }]);
  const shown = shownUrl(url);
  const bytes = await fetchBytes(url, shown);
  const found = createHash("sha256").update(bytes).digest("hex");
  if (found !== checksum) {
    throw new ConfigError(`${quoted(shown)} has the SHA-256 checksum ${found}, not ${checksum}`, {
      hint: "Look at what has changed before you give the new checksum",
    });
  }
  return { url: shown, text: new TextDecoder().decode(bytes) };
}

function readReference(reference: string): { readonly url: URL; readonly checksum: string } {
  const url = URL.parse(reference);
  const [, checksum] = /^#sha256=([0-9a-f]{64})$/i.exec(url?.hash ?? "") ?? [];
  if (url === null) {
    throw new ConfigError(`--config must be a path or a URL, got ${quoted(reference)}`);
  }
  if (checksum === undefined) {
    throw new ConfigError(`--config ${quoted(shownUrl(url))} needs its checksum`, {
      hint: "Put it behind the URL: #sha256=... and the 64 digits that sha256sum prints",
    });
  }
  return { url, checksum: checksum.toLowerCase() };
}

/** A URL without what may be a secret in it. */
function shownUrl({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}

async function fetchBytes(url: URL, shown: string): Promise<Uint8Array> {
  try {
    // Not to another host than the one that is allowed.
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await untracedFetch(url, { redirect: "error", signal });
    const pieces: Uint8Array[] = [];
    let size = 0;
    for await (const piece of response.body ?? []) {
      size += piece.length;
      if (size > MAX_BYTES) throw new Error(`it has more than ${MAX_BYTES} bytes`);
      pieces.push(piece);
    }
    if (!response.ok) throw new Error(`the server answered with ${response.status}`);
    return new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
  } catch (error) {
    throw new FetchConfigError(`Cannot fetch ${quoted(shown)}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

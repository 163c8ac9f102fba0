/**
 * A config file that is fetched: one for many nodes, of which each knows the checksum.
 *
 * @module
 */
import type { FetchedFile } from "../config/load.ts";
import { CloudNodeError, ConfigError, quoted } from "../errors.ts";
import { untracedFetch } from "../os/untraced_fetch.ts";
import { requirePermissions } from "../permissions.ts";
import { type ConfigCopy, MAX_CONFIG_BYTES, sha256 } from "../state/config_copy.ts";
import { type Clock, timeInWords } from "../time.ts";
import { reasonOf } from "./rest_http.ts";

/** The config file could not be fetched, which may be different in a moment. */
class FetchConfigError extends CloudNodeError {
  /** Always 1: whoever starts the node may try again. */
  readonly exitCode = 1;
}

/** How long a server may take, and how long where there is a copy. */
const [TIMEOUT_MS, TIMEOUT_WITH_COPY_MS] = [30_000, 5_000];

/** Which file a reference names: `https://host/path#sha256=...`. */
interface ConfigReference {
  /** Where it is. */
  readonly url: URL;
  /** The same without what may be a secret in it. */
  readonly shown: string;
  /** Its SHA-256 checksum: 64 digits. */
  readonly checksum: string;
}

/**
 * Reads a reference.
 *
 * @throws {ConfigError} if it is no URL, or has no checksum
 */
export function readReference(reference: string): ConfigReference {
  const url = URL.parse(reference);
  const [, checksum] = /^#sha256=([0-9a-f]{64})$/i.exec(url?.hash ?? "") ?? [];
  if (url === null) {
    throw new ConfigError(`--config must be a path or a URL, got ${quoted(reference)}`);
  }
  const shown = `${url.origin}${url.pathname}`;
  if (checksum === undefined) {
    throw new ConfigError(`--config ${quoted(shown)} needs its checksum`, {
      hint: "Put it behind the URL: #sha256=... and the 64 digits that sha256sum prints",
    });
  }
  return { url, shown, checksum: checksum.toLowerCase() };
}

/** What to do without the server. */
interface Fallback {
  /** The copy of the same file that the node has kept, if it has. */
  readonly copy: ConfigCopy | undefined;
  /** Why a copy that is there cannot be used. */
  readonly problem?: string;
  readonly clock: Pick<Clock, "now">;
}

/**
 * Fetches the file, or takes its copy while the server does not have it.
 *
 * @throws {ConfigError} if there is no copy, and what comes has another checksum
 */
export async function fetchConfig(
  reference: ConfigReference,
  { copy, problem, clock }: Fallback,
): Promise<FetchedFile> {
  const { url, shown } = reference;
  requirePermissions([{ what: { name: "net", host: url.host }, why: "--config" }]);
  try {
    const text = await fetchText(reference, copy ? TIMEOUT_WITH_COPY_MS : TIMEOUT_MS);
    return { url: shown, text };
  } catch (error) {
    if (!(error instanceof CloudNodeError)) throw error;
    if (copy !== undefined) {
      const age = timeInWords(Math.max(0, clock.now() - copy.at));
      const warning = `${error.message}. Using the copy fetched ${age} ago, whose checksum matches`;
      return { url: shown, text: copy.text, warning };
    }
    if (problem === undefined || error instanceof ConfigError) throw error;
    throw new FetchConfigError(`${error.message}, and its copy cannot be used: ${problem}`, error);
  }
}

async function fetchText(
  { url, shown, checksum }: ConfigReference,
  timeoutMs: number,
): Promise<string> {
  const bytes = await fetchBytes(url, shown, timeoutMs);
  const found = sha256(bytes);
  if (found === checksum) return textOf(bytes, shown);
  // From a proxy, or a server that is being repaired: no config file begins like that.
  if (new TextDecoder().decode(bytes).trimStart().startsWith("<")) {
    throw cannotFetch(shown, "an HTML page came instead");
  }
  throw new ConfigError(`${quoted(shown)} has the SHA-256 checksum ${found}, not ${checksum}`, {
    hint: "Look at what has changed before you give the new checksum",
  });
}

/** The text of the file, with a byte order mark, so that its checksum stays the same. */
function textOf(bytes: Uint8Array, shown: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new ConfigError(`Cannot read ${quoted(shown)}: it is not UTF-8 text`);
  }
}

async function fetchBytes(url: URL, shown: string, timeoutMs: number): Promise<Uint8Array> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    // Not to another host than the one that is allowed.
    const response = await untracedFetch(url, { redirect: "error", signal: timeout });
    const pieces: Uint8Array[] = [];
    let size = 0;
    for await (const piece of response.body ?? []) {
      size += piece.length;
      if (size > MAX_CONFIG_BYTES) throw new Error(`it has more than ${MAX_CONFIG_BYTES} bytes`);
      pieces.push(piece);
    }
    if (!response.ok) throw new Error(`the server answered with ${response.status}`);
    return new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
  } catch (error) {
    const reason = timeout.aborted ? `no answer within ${timeoutMs / 1000} s` : reasonOf(error);
    throw cannotFetch(shown, reason.replaceAll(url.href.replace(/#.*/, ""), shown));
  }
}

/** Without the cause, which names the whole URL: a secret may be in that. */
function cannotFetch(shown: string, reason: string): FetchConfigError {
  return new FetchConfigError(`Cannot fetch ${quoted(shown)}: ${reason}`, {
    hint:
      "Check the URL, or try again when its server answers. A node that has been ready with this " +
      "file keeps a copy, and starts without the server",
  });
}

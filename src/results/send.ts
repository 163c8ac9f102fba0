/**
 * Sending files to the platform's storage.
 *
 * @module
 */
import { quoted } from "../errors.ts";
import type { ResultFile } from "../journal/result_files.ts";
import type { Clock } from "../time.ts";
import { attachmentName } from "./attachment.ts";
import { type AttemptParts, attempts, mayPass, StorageError } from "./attempts.ts";
import { ResultSource } from "./source.ts";

/** Bytes of which the number is known, read while they are sent. */
export interface Payload {
  readonly size: number;
  /** Reads them from the start. */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** What a storage server answered. */
export interface StorageAnswer {
  readonly status: number;
  /** The server's own name for what is wrong. */
  readonly code: string | undefined;
  /** How long the server asks to wait. */
  readonly retryAfterMs: number | undefined;
}

/** Where files are sent to. */
export interface FileStorage {
  /** Gets the URL to put a file of this name to. */
  sign(filename: string, signal: AbortSignal): Promise<{ signedUrl: string }>;
  /** Puts bytes there. There is no time limit but the signal. */
  put(signedUrl: string, payload: Payload, signal: AbortSignal): Promise<StorageAnswer>;
}

/** How many files are on their way at a time. */
const AT_A_TIME = 4;

/** A transfer in which nothing moves for this long is broken off. */
const STALLED_MS = 60_000;

/**
 * Sends files with `send`, four at a time. After a failure nothing new is begun; what is on its way
 * goes on, unless the failure means that all of it is in vain. Rejects with the worst failure.
 */
export async function sendAll(
  files: readonly ResultFile[],
  send: (file: ResultFile, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const givingUp = new AbortController();
  const either = AbortSignal.any([signal, givingUp.signal]);
  const failures: unknown[] = [];
  const queue = files.values();
  const worker = async () => {
    while (failures.length === 0) {
      const { value: file } = queue.next();
      if (file === undefined) return;
      try {
        await send(file, either);
      } catch (error) {
        failures.push(error);
        if (!mayPass(error)) givingUp.abort(error);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  signal.throwIfAborted();
  if (failures.length > 0) throw failures.find((error) => !mayPass(error)) ?? failures[0];
}

/** Sends one file, in up to three tries; gives the URL that took it. */
export function sendFile(
  file: ResultFile,
  storage: FileStorage,
  parts: AttemptParts & {
    /** Called with the number of bytes that were read, and with less than none when they go again. */
    onProgress(bytes: number): void;
  },
  signal: AbortSignal,
): Promise<string> {
  return attempts(
    async () => {
      let moved = 0;
      let lastMove = parts.clock.monotonic();
      const source = new ResultSource(file, (bytes) => {
        moved += bytes;
        lastMove = parts.clock.monotonic();
        parts.onProgress(bytes);
      });
      try {
        await source.check();
        const { signedUrl } = await storage.sign(
          attachmentName(file.attachmentUuid, file.path),
          signal,
        );
        lastMove = parts.clock.monotonic();
        await unlessStalled(
          (signal) => put(storage, signedUrl, file, source, signal),
          () => lastMove,
          parts.clock,
          signal,
        );
        await source.check();
        return signedUrl;
      } catch (error) {
        parts.onProgress(-moved);
        throw source.failure ?? error;
      }
    },
    parts,
    signal,
  );
}

async function put(
  storage: FileStorage,
  signedUrl: string,
  { path }: ResultFile,
  source: ResultSource,
  signal: AbortSignal,
): Promise<void> {
  const { status, code, retryAfterMs } = await storage.put(signedUrl, source, signal);
  if (status < 300) return;
  const words = code === undefined ? "" : ` (${code})`;
  throw new StorageError(`Cannot upload ${quoted(path)}: the storage answered ${status}${words}`, {
    status,
    retryAfterMs,
  });
}

/** Runs `body`, and aborts its signal when `lastMove` was too long ago. */
async function unlessStalled(
  body: (signal: AbortSignal) => Promise<void>,
  lastMove: () => number,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const ended = new AbortController();
  const either = AbortSignal.any([signal, ended.signal]);
  const watch = async () => {
    for (;;) {
      const left = lastMove() + STALLED_MS - clock.monotonic();
      if (left <= 0) break;
      await clock.sleep(left, either);
    }
    ended.abort(new StorageError(`The storage took nothing for ${STALLED_MS / 1000} s`));
  };
  const watching = watch().catch(() => {});
  try {
    await body(either);
  } finally {
    // An answer may come before all was sent: what is still on its way stops here, too.
    ended.abort();
    await watching;
  }
}

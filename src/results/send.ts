/**
 * Sending files to the platform's storage.
 *
 * @module
 */
import type { SignedUpload } from "../backend/backend.ts";
import type { Payload, StorageAnswer } from "../backend/storage.ts";
import { CloudNodeError, quoted } from "../errors.ts";
import type { RecordedFile, ResultFile, SentTo } from "../journal/result_files.ts";
import type { Clock } from "../time.ts";
import { attachmentUuidIn } from "./attachment.ts";
import { type AttemptParts, attempts, mayPass, StorageError } from "./attempts.ts";
import { ResultSource } from "./source.ts";

/** Where files are sent to. */
export interface FileStorage {
  /** Asks where the file of this name is to be put. */
  sign(name: string, signal: AbortSignal): Promise<SignedUpload>;
  /** Puts bytes there. There is no time limit but the signal. */
  put(signedUrl: string, payload: Payload, signal: AbortSignal): Promise<StorageAnswer>;
}

/** What a file is sent with. */
interface SendParts extends AttemptParts {
  /** Whether a file may be written to after its workload ended, and is then sent as it is. */
  mayChange(file: ResultFile): boolean;
  /** Called when a file is sent as something else than what was recorded. */
  onChanged(file: ResultFile): Promise<void>;
  /** Called with the number of bytes that were read, and with less than none when they go again. */
  onProgress(bytes: number): void;
}

/** The platform answered with something that no file can be reported under. */
class AttachmentNameError extends CloudNodeError {
  /** Always 1. */
  readonly exitCode = 1;
}

/** How many files of a command are sent at a time. */
const AT_A_TIME = 4;

/** A transfer without any bytes for this long is aborted, in milliseconds. */
const STALLED_MS = 60_000;

/**
 * Sends files with `send`, four at a time. After a failure nothing new starts; what is on its way
 * goes on, unless the failure makes all of it useless. Rejects with the worst failure.
 */
export async function sendAll(
  files: readonly RecordedFile[],
  send: (file: RecordedFile, signal: AbortSignal) => Promise<void>,
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

/** Sends one file, in up to three attempts. Resolves with where it went. */
export async function sendFile(
  file: ResultFile,
  storage: FileStorage,
  parts: SendParts,
  signal: AbortSignal,
): Promise<SentTo> {
  const watch = new StallWatch(parts.clock);
  let moved = 0;
  const source = new ResultSource(file, {
    mayChange: parts.mayChange(file),
    onRead(bytes) {
      moved += bytes;
      watch.moved();
      parts.onProgress(bytes);
    },
  });
  return await attempts(
    async () => {
      moved = 0;
      source.failure = undefined;
      try {
        const changed = await source.changed();
        if (changed !== undefined) await parts.onChanged(changed);
        const { signedUrl, filename } = await storage.sign(file.name, signal);
        const attachmentUuid = attachmentUuidIn(filename);
        if (attachmentUuid === undefined) throw notNamed(file, filename);
        await watch.run((signal) => put(storage, signedUrl, file, source, signal), signal);
        await source.check();
        return { signedUrl, attachmentUuid };
      } catch (error) {
        parts.onProgress(-moved);
        throw source.failure ?? error;
      }
    },
    parts,
    signal,
  );
}

function notNamed({ name }: ResultFile, filename: string): AttachmentNameError {
  return new AttachmentNameError(
    `Cannot upload ${quoted(name)}: the backend calls it ${quoted(filename)}, ` +
      "which does not begin with a UUID",
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

/** Aborts transfers that stall. */
class StallWatch {
  readonly #clock: Clock;
  #lastMove = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Some bytes were transferred. */
  moved(): void {
    this.#lastMove = this.#clock.monotonic();
  }

  /** Runs `body`, and aborts its signal when nothing moved for too long. */
  async run(body: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    this.moved();
    const ended = new AbortController();
    const either = AbortSignal.any([signal, ended.signal]);
    const watching = this.#watch(ended, either).catch(() => {});
    try {
      await body(either);
    } finally {
      // An answer may come before all was sent: what is still on its way stops here, too.
      ended.abort();
      await watching;
    }
  }

  async #watch(ended: AbortController, either: AbortSignal): Promise<void> {
    for (;;) {
      const left = this.#lastMove + STALLED_MS - this.#clock.monotonic();
      if (left <= 0) break;
      await this.#clock.sleep(left, either);
    }
    ended.abort(new StorageError(`The storage accepted no data for ${STALLED_MS / 1000} s`));
  }
}

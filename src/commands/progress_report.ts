/**
 * Reports the progress of a command: to the broker, to listeners in this process, and to `ps` and
 * `logs`.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Execution } from "../executors/executor.ts";
import { type Logger, redact } from "../log.ts";
import { isSameProgress, type Progress } from "../protocol/progress.ts";
import type { Clock } from "../time.ts";
import type { WorkloadFolder } from "../workloads/folder.ts";
import { type FoundProgress, ProgressFile } from "../workloads/progress_file.ts";
import { type Command, fieldsOf, infoOf, nameOf } from "./command.ts";
import type { CommandEvents } from "./command_events.ts";

/** Where progress is published. */
export interface ProgressPublisher {
  /** Publishes it if there is a connection. Never throws: nothing depends on it. */
  publish(command: Command, progress: Progress): void;
}

/** What reporting takes. */
export interface ProgressParts {
  readonly progress: ProgressPublisher;
  readonly events: CommandEvents;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How long after a look at the file the next one comes at the earliest, in milliseconds. */
const LOOK_MS = 250;

/** How long after a report the next one comes at the earliest, in milliseconds. */
const INTERVAL_MS = 500;

/** Longer messages are cut, in characters. */
const MAX_MESSAGE = 500;

/** The progress of one command that runs. */
export class ProgressReport {
  readonly #command: Command;
  readonly #folder: WorkloadFolder;
  readonly #file: ProgressFile;
  readonly #parts: ProgressParts;
  #execution: Execution | undefined;
  #latest: Progress | undefined;
  #reported: Progress | undefined;
  #kept: Progress | undefined;
  #reportedAt = -Infinity;
  #lookedAt = -Infinity;
  /** Whether the execution reports progress itself, so that no file is read. */
  #isReported = false;
  #hasHinted = false;

  /** Reports the progress of a command, which may also be in a file of its folder. */
  constructor(command: Command, folder: WorkloadFolder, parts: ProgressParts) {
    this.#command = command;
    this.#folder = folder;
    this.#file = new ProgressFile(folder.progressFile);
    this.#parts = parts;
  }

  /** The latest; `undefined`: the command has reported none. */
  get latest(): Progress | undefined {
    return this.#latest;
  }

  /** Takes the progress that an execution reports, until `end()`. */
  follow(execution: Execution): void {
    this.#execution = execution;
    execution.onProgress = (progress) => {
      this.#isReported = true;
      this.#latest = shown(progress);
      this.#reportIfDue();
    };
  }

  /** Looks whether there is more in the file, and reports what is due. */
  look(): void {
    const now = this.#parts.clock.monotonic();
    if (!this.#isReported && now - this.#lookedAt >= LOOK_MS) {
      this.#lookedAt = now;
      this.#take(this.#file.look());
    }
    this.#reportIfDue();
    if (now - this.#reportedAt >= INTERVAL_MS) this.#keep();
  }

  /** Reports the last progress. There is none after that. */
  end(): void {
    if (this.#execution !== undefined) this.#execution.onProgress = undefined;
    if (!this.#isReported && this.#folder.exists) this.#take(this.#file.read());
    this.#report();
  }

  #take(found: FoundProgress | undefined): void {
    if (found?.progress !== undefined) this.#latest = shown(found.progress);
    if (found?.problem === undefined || this.#hasHinted) return;
    this.#hasHinted = true;
    this.#parts.logger.warn(
      `${nameOf(this.#command)} wrote invalid progress to its CYBERWAVE_PROGRESS_FILE: ` +
        `${found.problem}; it is ignored`,
      fieldsOf(this.#command),
    );
  }

  #reportIfDue(): void {
    if (this.#parts.clock.monotonic() - this.#reportedAt >= INTERVAL_MS) this.#report();
  }

  #report(): void {
    const latest = this.#latest;
    if (latest === undefined || isSameProgress(latest, this.#reported)) return;
    const { progress, events, clock } = this.#parts;
    // Not for a command that ends at once: it need not leave a file.
    if (this.#reported !== undefined) this.#keep();
    this.#reported = latest;
    this.#reportedAt = clock.monotonic();
    progress.publish(this.#command, latest);
    events.emit("progress", { command: infoOf(this.#command), progress: latest });
  }

  /** Writes the progress to where `ps` and `logs` find it. */
  #keep(): void {
    const latest = this.#latest;
    if (!this.#isReported || latest === undefined || latest === this.#kept) return;
    this.#kept = latest;
    try {
      this.#folder.create();
      this.#folder.keepProgress(JSON.stringify(latest));
    } catch (error) {
      const { logger } = this.#parts;
      logger.debug(
        `Cannot keep the progress of ${nameOf(this.#command)}: ${messageOf(error)}`,
      );
    }
  }
}

/** Progress as it may be shown. Its message is masked while it is whole: a cut might split a secret. */
function shown(progress: Progress): Progress {
  const { message } = progress;
  if (message === undefined) return progress;
  return { ...progress, message: redact(message).slice(0, MAX_MESSAGE).toWellFormed() };
}

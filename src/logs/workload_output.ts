/**
 * What workloads have printed and the platform does not have yet. Their files are the buffer; this
 * keeps only how far each was sent.
 *
 * @module
 */
import type { OutputStream, SmallOutput } from "../workloads/folder.ts";
import { messageOf, quoted } from "../errors.ts";
import type { LogPosition, UnsentOutput } from "../journal/log_positions.ts";
import { type Logger, redact } from "../log.ts";
import { readRegularFileAt, regularFileSize } from "../os/regular_file.ts";
import { byteLength, firstPiece, type Piece } from "./log_lines.ts";

/** Where it is stored how much of each workload's output was sent. */
interface PositionStore {
  /** The started workloads whose output was not sent to its end: oldest first, after `after`. */
  unsent(after: number, limit: number): UnsentOutput[];
  /** The workload with this id, unless its output was sent to its end. */
  find(id: string): UnsentOutput | undefined;
  /** Stores how much was sent. */
  advance(positions: readonly LogPosition[]): void;
  /** Stores that the output of these workloads was sent to its end. */
  finish(ids: readonly string[]): void;
}

/** What {@linkcode WorkloadOutput} works with. */
interface WorkloadOutputOptions {
  readonly store: PositionStore;
  /** The file that a workload's output is in. */
  fileOf(id: string, stream: OutputStream): string;
  /** What a workload printed that is in no file. */
  smallOf(id: string): SmallOutput;
  /** How the platform's log calls a workload. */
  nameOf(workload: UnsentOutput): string;
  readonly logger: Logger;
}

/** Output for one call. */
interface Batch {
  /** What is sent. */
  readonly content: string;
  /** Where its workloads stand once it is sent. */
  readonly positions: readonly LogPosition[];
  /** Whose output comes last in it. */
  readonly speaker: string;
  /** Whether there was more than it has room for. */
  readonly hasMore: boolean;
  /** The workloads of which nothing is left once it is sent. */
  readonly finished: readonly string[];
}

/** A workload, with what it printed that is in no file: looked up once for each look at it. */
type WithOutput = UnsentOutput & { readonly small: SmallOutput };

/** How many bytes one call carries at most. */
export const MAX_CONTENT: number = 256 * 1024;

/** How many workloads are read from the journal at a time. */
const PAGE = 100;

/** What workloads have printed and the platform does not have yet. */
export class WorkloadOutput {
  readonly #options: WorkloadOutputOptions;
  /** The one piece of output that is in memory. */
  readonly #buffer = new Uint8Array(MAX_CONTENT);
  /** Whose turn it was last, so that each has its turn. */
  readonly #turn = { stdout: 0, stderr: 0 };
  /** Whose output the platform has seen last. */
  readonly #speaker: Partial<Record<OutputStream, string>> = {};
  /** Workloads that had ended, with all of their output sent, at the last look. */
  readonly #done = new Set<string>();
  /** Positions that could not be stored yet. */
  readonly #unstored = new Map<string, LogPosition>();
  /** Whether that was reported. */
  #cannotStore = false;
  /** The files that were reported as unreadable. */
  readonly #unreadable = new Set<string>();

  /** Reads nothing yet. */
  constructor(options: WorkloadOutputOptions) {
    this.#options = options;
  }

  /**
   * The next whole lines of a stream, of as many workloads as fit into `limit` bytes, which is no more
   * than `MAX_CONTENT`; `undefined` when there are none.
   */
  next(stream: OutputStream, limit: number): Batch | undefined {
    let content = "";
    let room = limit;
    let speaker = this.#speaker[stream];
    let hasMore = false;
    const finished: string[] = [];
    const positions: LogPosition[] = [];
    for (const workload of this.#inTurn(this.#turn[stream])) {
      const heading = speaker === undefined || speaker === workload.id
        ? ""
        : `==> ${redact(this.#options.nameOf(workload))} <==\n`;
      const isFirst = positions.length === 0;
      const piece = this.#read(workload, stream, room - byteLength(heading), isFirst);
      // It has lines, but not beside those of the others: the next call begins with it.
      if (piece === "too long") {
        hasMore = true;
        break;
      }
      this.#turn[stream] = workload.seq;
      if (piece === undefined) {
        if (workload.ended && this.#unsentBytes(workload) === 0) this.#done.add(workload.id);
        continue;
      }
      content += heading + piece.text;
      room -= byteLength(heading) + piece.size;
      speaker = workload.id;
      const position = this.#positionOf(workload);
      positions.push({ ...position, [stream]: position[stream] + piece.bytes });
      hasMore ||= piece.bytes < this.#unread(workload, stream);
      if (workload.ended && piece.bytes === this.#unsentBytes(workload)) finished.push(workload.id);
    }
    if (speaker === undefined || positions.length === 0) return undefined;
    return { content, positions, speaker, hasMore, finished };
  }

  /** Stores that a batch was sent: of a workload of which nothing is left, that, and no position. */
  sent(stream: OutputStream, { positions, speaker, finished }: Batch): void {
    for (const id of finished) this.#done.add(id);
    this.#speaker[stream] = speaker;
    for (const position of positions) this.#unstored.set(position.id, position);
    this.finish();
    if (this.#unstored.size === 0) return;
    const stored = this.#store(() => this.#options.store.advance([...this.#unstored.values()]));
    if (stored) this.#unstored.clear();
  }

  /** Finishes the workloads that had ended, with all of their output sent, at the last look. */
  finish(): void {
    const done = [...this.#done];
    this.#done.clear();
    if (done.length === 0 || !this.#store(() => this.#options.store.finish(done))) return;
    for (const id of done) this.#unstored.delete(id);
  }

  /** How many bytes of a workload's output were not sent. */
  unsentBytes(id: string): number {
    const workload = this.#options.store.find(id);
    return workload === undefined ? 0 : this.#unsentBytes(this.#withOutput(workload));
  }

  #unsentBytes(workload: WithOutput): number {
    return this.#unread(workload, "stdout") + this.#unread(workload, "stderr");
  }

  #withOutput(workload: UnsentOutput): WithOutput {
    return { ...workload, small: this.#options.smallOf(workload.id) };
  }

  #unread(workload: WithOutput, stream: OutputStream): number {
    const path = this.#options.fileOf(workload.id, stream);
    try {
      const size = workload.small[stream]?.length ?? regularFileSize(path);
      return Math.max(0, size - this.#positionOf(workload)[stream]);
    } catch (error) {
      this.#warnOnce(path, error);
      return 0;
    }
  }

  #positionOf(workload: UnsentOutput): LogPosition {
    const { id, stdout, stderr } = this.#unstored.get(workload.id) ?? workload;
    return { id, stdout, stderr };
  }

  /** Every workload with output to be sent, once, beginning with the one after number `turn`. */
  *#inTurn(turn: number): Generator<WithOutput> {
    yield* this.#between(turn, Infinity);
    yield* this.#between(0, turn);
  }

  *#between(after: number, last: number): Generator<WithOutput> {
    for (;;) {
      const page = this.#options.store.unsent(after, PAGE);
      for (const workload of page) {
        if (workload.seq > last) return;
        yield this.#withOutput(workload);
        after = workload.seq;
      }
      if (page.length < PAGE) return;
    }
  }

  #read(
    workload: WithOutput,
    stream: OutputStream,
    limit: number,
    cutsLines: boolean,
  ): Piece | "too long" | undefined {
    const unread = this.#unread(workload, stream);
    if (unread === 0) return undefined;
    if (limit <= 0) return "too long";
    const path = this.#options.fileOf(workload.id, stream);
    const position = this.#positionOf(workload)[stream];
    try {
      const buffer = this.#buffer.subarray(0, Math.min(unread, limit));
      const printed = workload.small[stream]?.subarray(position, position + buffer.length) ??
        readRegularFileAt(path, position, buffer);
      const atEnd = workload.ended && printed.length === unread;
      return firstPiece(printed, { limit, atEnd, cutsLines });
    } catch (error) {
      this.#warnOnce(path, error);
      return undefined;
    }
  }

  /** Stores something, or leaves it for later: a full disk must not keep output from being sent. */
  #store(action: () => void): boolean {
    try {
      action();
      this.#cannotStore = false;
    } catch (error) {
      if (!this.#cannotStore) {
        this.#options.logger.warn(
          `Cannot store how much output was sent: ${messageOf(error)}; retrying with each batch`,
        );
      }
      this.#cannotStore = true;
    }
    return !this.#cannotStore;
  }

  #warnOnce(path: string, error: unknown): void {
    if (this.#unreadable.has(path)) return;
    this.#unreadable.add(path);
    this.#options.logger.warn(`Cannot read the output in ${quoted(path)}: ${messageOf(error)}`);
  }
}

/** Things that happen, for tests that wait for them instead of sleeping. */
import type { Logger } from "../../src/log.ts";

const DEADLINE_MS = 15_000;

/** What has arrived, in order. Each item is taken once. */
export class Inbox<T> {
  /** Everything that ever arrived, taken or not. */
  readonly all: T[] = [];
  readonly #untaken: T[] = [];
  readonly #waiting = new Set<() => void>();

  /** Adds an item. */
  push(item: T): void {
    this.all.push(item);
    this.#untaken.push(item);
    for (const look of [...this.#waiting]) look();
  }

  /** Takes the first item that fits, now or when it arrives. Fails when none has come after 15 s. */
  next(fits: (item: T) => boolean = () => true): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const index = this.#untaken.findIndex(fits);
        if (index < 0) return;
        clearTimeout(deadline);
        this.#waiting.delete(look);
        resolve(this.#untaken.splice(index, 1)[0]);
      };
      const deadline = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`Waited in vain for: ${fits}\nInstead came: ${Deno.inspect(this.all)}`));
      }, DEADLINE_MS);
      this.#waiting.add(look);
      look();
    });
  }
}

/** What `event` brings, unless it has not come after a while: a test must fail, not hang. */
export function inTime<T>(
  event: Promise<T>,
  what: string,
  deadlineMs: number = DEADLINE_MS,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(
      () => reject(new Error(`Waited in vain for ${what}`)),
      deadlineMs,
    );
    event.then(resolve, reject).finally(() => clearTimeout(deadline));
  });
}

/** A log line as `RecordingLogger` keeps it. */
export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
}

/** A logger that keeps its lines, so that tests can wait for them. */
export class RecordingLogger implements Logger {
  /** Every line so far. */
  readonly lines = new Inbox<LogLine>();

  debug(message: string): void {
    this.lines.push({ level: "debug", message });
  }
  info(message: string): void {
    this.lines.push({ level: "info", message });
  }
  warn(message: string): void {
    this.lines.push({ level: "warn", message });
  }
  error(message: string): void {
    this.lines.push({ level: "error", message });
  }

  /** What an operator without `-v` has seen so far, as `level: message`. */
  get shown(): string[] {
    return this.lines.all.filter(({ level }) => level !== "debug")
      .map(({ level, message }) => `${level}: ${message}`);
  }

  /** Resolves with the first line, not yet waited for, that has `text` in it. */
  async logged(text: string): Promise<string> {
    return (await this.lines.next(({ message }) => message.includes(text))).message;
  }
}

/**
 * What a worker was handed over: a node that comes later must know whether a command may have begun.
 *
 * @module
 */
import * as fs from "node:fs";

/** Whether a command was handed over: written down before, and again after it is in the pipe. */
export type Handing = "no" | "perhaps" | "yes";

/** A file that is larger is emptied when no later node needs it. */
const MAX_BYTES = 1024 * 1024;

/** What one worker was handed over. */
export class HandedOver {
  readonly #path: string;
  #file: number | undefined;
  #size = 0;

  /** Keeps it in this file. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Writes down that a command is about to be handed over. Throws when that cannot be. */
  before(id: string): void {
    this.#append(`+${id}\n`);
  }

  /** Writes down that it was. */
  after(id: string): void {
    this.#append(`=${id}\n`);
  }

  /** What is written down about a command. */
  of(id: string): Handing {
    try {
      return HandedOver.in(fs.readFileSync(this.#path, "utf-8"), id);
    } catch {
      return "no";
    }
  }

  /** What the text of such a file says about a command. */
  static in(written: string, id: string): Handing {
    const text = `\n${written}`;
    if (text.includes(`\n=${id}\n`)) return "yes";
    return text.includes(`\n+${id}\n`) ? "perhaps" : "no";
  }

  /** Empties a file that has grown. */
  tidy(): void {
    if (this.#file === undefined || this.#size < MAX_BYTES) return;
    fs.ftruncateSync(this.#file, 0);
    this.#size = 0;
  }

  /** Closes the file. */
  close(): void {
    if (this.#file !== undefined) fs.closeSync(this.#file);
    this.#file = undefined;
  }

  #append(line: string): void {
    if (this.#file === undefined) {
      this.#file = fs.openSync(this.#path, "a", 0o600);
      this.#size = fs.fstatSync(this.#file).size;
    }
    this.#size += fs.writeSync(this.#file, line);
  }
}

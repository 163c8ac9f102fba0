/**
 * What a worker was handed over: a node that comes later must know whether a command may have begun.
 *
 * A node can be killed between any two steps. So it sets the pipe's modification time to 0, writes down
 * which command comes next, and writes that into the pipe, which sets the time, as POSIX has it. By the
 * time a later node sees whether the last command that is written down is in the pipe. Those before it are.
 *
 * @module
 */
import * as fs from "node:fs";
import { readText } from "./worker_files.ts";

/** Whether a command was handed over. */
export type Handing = "no" | "perhaps" | "yes";

/** A file that is larger is emptied when no later node needs it. */
const MAX_BYTES = 1024 * 1024;

/** What stands in front of a command's id. */
const MARKS = {
  /** It comes next, and the pipe's time says when it has come. */
  next: ">",
  /** It comes next into a pipe that has no such time. */
  untimed: "+",
  /** It is in the pipe: older versions wrote this. */
  written: "=",
  /** It has never come into the pipe. */
  not: "-",
} as const;

/** What one worker was handed over. */
export class HandoverRecord {
  readonly #path: string;
  #file: number | undefined;
  #size = 0;
  #next: string | undefined;
  #isTimed = false;

  /** Keeps it in this file. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Sees whether a write into another pipe beside the worker's sets the time. */
  tryTime(pipe: number, write: () => void): void {
    fs.futimesSync(pipe, 0, 0);
    write();
    this.#isTimed = fs.fstatSync(pipe).mtimeMs !== 0;
  }

  /** Writes down that a command comes next into this pipe. Throws when that cannot be. */
  writing(id: string, pipe: number): void {
    if (id === this.#next) return;
    fs.futimesSync(pipe, 0, 0);
    this.#append(`${this.#isTimed ? MARKS.next : MARKS.untimed}${id}\n`);
    this.#next = id;
  }

  /** It is in the pipe: what comes next is another command. */
  written(): void {
    this.#next = undefined;
  }

  /** What an earlier node has handed over to a worker that lives, by command. */
  static find(path: string, pipe: string): (id: string) => Handing {
    const text = readText(path);
    const time = fs.lstatSync(pipe, { throwIfNoEntry: false })?.mtimeMs;
    const last = text.trimEnd().split("\n").at(-1)!;
    if (time !== 0 || !last.startsWith(MARKS.next)) {
      return (id) => HandoverRecord.in(text, id, time !== undefined);
    }
    const note = `${MARKS.not}${last.slice(1)}\n`;
    try {
      // The time speaks of the last command alone, and soon there will be another one.
      fs.appendFileSync(path, note);
    } catch {
      return (id) => HandoverRecord.in(text, id, false);
    }
    return (id) => HandoverRecord.in(text + note, id, false);
  }

  /** What the text of such a file says about a command. */
  static in(text: string, id: string, isLastWritten: boolean): Handing {
    const lines = text.trimEnd().split("\n");
    const place = lines.findLastIndex((line) => line.slice(1) === id);
    const mark = lines[place]?.[0];
    if (mark === undefined || mark === MARKS.not) return "no";
    if (mark === MARKS.written || place < lines.length - 1) return "yes";
    return mark === MARKS.next && isLastWritten ? "yes" : "perhaps";
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

/**
 * What a workload printed, on its way to the user.
 *
 * @module
 */
import type { OutputStream, WorkloadFolder } from "../workloads/folder.ts";
import { hasOutput, readOutputAt } from "../workloads/output.ts";
import { isTerminal, type Stream, write } from "./terminal.ts";
import { TerminalText } from "./terminal_text.ts";

/** A stream of output on its way to the user: as it is for a program, harmless for a terminal. */
export class ShownOutput {
  readonly #folder: WorkloadFolder;
  readonly #from: OutputStream;
  readonly #to: Stream;
  readonly #terminal: TerminalText | undefined;
  #position = 0;
  #exists = false;

  /** Shows a stream of a workload from its beginning. */
  constructor(folder: WorkloadFolder, from: OutputStream, to: Stream) {
    this.#folder = folder;
    this.#from = from;
    this.#to = to;
    this.#terminal = isTerminal(to) ? new TerminalText() : undefined;
  }

  /** Whether its file was there. */
  get exists(): boolean {
    return this.#exists;
  }

  /** How many bytes were shown. */
  get position(): number {
    return this.#position;
  }

  /** Shows what was there when the streams had these sizes. */
  showTo(sizes: Readonly<Record<OutputStream, number>>): void {
    this.show(sizes[this.#from]);
  }

  /** Shows what is new, up to a position. Calls `before` first, if there is anything. */
  show(end = Infinity, before: () => void = () => {}): void {
    this.#exists ||= hasOutput(this.#folder, this.#from);
    const buffer = new Uint8Array(64 * 1024);
    while (this.#position < end) {
      const room = buffer.subarray(0, Math.min(buffer.length, end - this.#position));
      const bytes = readOutputAt(this.#folder, this.#from, this.#position, room);
      if (bytes.length === 0) return;
      before();
      this.#position += bytes.length;
      if (this.#terminal === undefined) write(this.#to, bytes);
      else this.#write(this.#terminal.push(bytes));
    }
  }

  /** Shows what was held back of a last line. */
  end(): void {
    if (this.#terminal !== undefined) this.#write(this.#terminal.end());
  }

  #write(text: string): void {
    write(this.#to, new TextEncoder().encode(text));
  }
}

/**
 * Reports the progress of an upload.
 *
 * @module
 */
import type { Clock } from "../time.ts";

/** At least this often, while anything moves. */
const EVERY_MS = 10_000;
/** And after this part of the whole, though not more than once a second. */
const EVERY_PART = 0.1;
const NOT_WITHIN_MS = 1_000;

/** Counts bytes, and reports them from time to time. */
export class UploadProgress {
  readonly #total: number;
  readonly #clock: Clock;
  readonly #report: (words: string) => void;
  #done: number;
  #reported: { readonly at: number; readonly done: number };

  /** Begins with `done` of `total` bytes. */
  constructor(
    { done, total, clock, report }: {
      done: number;
      total: number;
      clock: Clock;
      report: (words: string) => void;
    },
  ) {
    this.#total = total;
    this.#clock = clock;
    this.#report = report;
    this.#done = done;
    this.#reported = { at: clock.monotonic(), done };
  }

  /** Counts `bytes` more; fewer when some have to go again. */
  add(bytes: number): void {
    this.#done += bytes;
    const at = this.#clock.monotonic();
    const elapsed = at - this.#reported.at;
    const part = (this.#done - this.#reported.done) / this.#total;
    if (bytes <= 0 || this.#done === this.#total || elapsed < NOT_WITHIN_MS) return;
    if (elapsed < EVERY_MS && part < EVERY_PART) return;
    this.#reported = { at, done: this.#done };
    const percent = Math.floor(100 * this.#done / this.#total);
    this.#report(`${percent} % (${sizeText(this.#done)} of ${sizeText(this.#total)})`);
  }
}

/** A number of bytes for people: `999 B`, `1.5 MiB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  let size = bytes / 1024;
  let unit = 0;
  // 1023.95 would be shown as 1024.0.
  for (; size >= 1023.95 && unit < 3; unit++) size /= 1024;
  return `${size.toFixed(1)} ${["KiB", "MiB", "GiB", "TiB"][unit]}`;
}

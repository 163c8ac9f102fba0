/**
 * Reading the files that hold what workloads print. A workload can put anything in their place:
 * nothing but a regular file is opened.
 *
 * @module
 */
import * as fs from "node:fs";

/** How many bytes of output a file has: none when it is missing. Throws for what is no file. */
export function outputSize(path: string): number {
  const stat = fs.lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  if (!stat.isFile()) throw new Error("it is no regular file");
  return stat.size;
}

/** Fills `buffer` from a position on, as far as there is output. Returns the part that is filled. */
export function readOutput(path: string, position: number, buffer: Uint8Array): Uint8Array {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
  // Since the look it may have become a link, or a FIFO whose opening waits for a writer.
  const file = fs.openSync(path, O_RDONLY | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0));
  try {
    return buffer.subarray(0, fs.readSync(file, buffer, 0, buffer.length, position));
  } finally {
    fs.closeSync(file);
  }
}

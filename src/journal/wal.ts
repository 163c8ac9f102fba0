/**
 * SQLite's write-ahead log: whether all that was committed to it can still be read. SQLite itself
 * drops what comes after the first damaged byte without a word.
 *
 * @module
 * @see https://www.sqlite.org/fileformat2.html#walformat
 */

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/** The first word of a log whose checksums are made of little-endian words; big-endian: one more. */
const MAGIC = 0x377f0682;

/**
 * What is wrong with a log; `undefined`: nothing. The index, which SQLite keeps beside it, is known
 * to outlive a crash of the process, but not of the machine. It tells what was cut off.
 */
export function walDamage(log: Uint8Array, index = new Uint8Array()): string | undefined {
  const { damage, frames } = lookThrough(log);
  return damage ?? missingFrames(log, index, frames);
}

interface Found {
  /** What is damaged; `undefined`: nothing. */
  readonly damage?: string;
  /** How many frames from the first one on can be read. */
  readonly frames: number;
}

function lookThrough(log: Uint8Array): Found {
  // What is shorter holds no commit.
  if (log.length <= HEADER_BYTES + FRAME_HEADER_BYTES) return { frames: 0 };
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength);
  const magic = view.getUint32(0);
  const littleEndian = magic === MAGIC;
  const header = checksum(view, 0, 24, littleEndian, [0, 0]);
  const isHeader = (magic & ~1) === MAGIC && isAt(view, 24, header);
  if (!isHeader) {
    return { damage: "its header is damaged, so nothing in it can be read", frames: 0 };
  }
  const frameBytes = FRAME_HEADER_BYTES + view.getUint32(8);
  let sums = header;
  let frames = 0;
  for (let at = HEADER_BYTES; at + frameBytes <= log.length; at += frameBytes) {
    sums = checksum(view, at, 8, littleEndian, sums);
    sums = checksum(
      view,
      at + FRAME_HEADER_BYTES,
      frameBytes - FRAME_HEADER_BYTES,
      littleEndian,
      sums,
    );
    if (!hasSalt(view, at) || !isAt(view, at + 16, sums)) {
      const lost = commitsFrom(view, at, frameBytes);
      // Without any it is what the log held before it was restarted, or an unfinished commit.
      return { damage: lost === 0 ? undefined : `its last ${lost} commits cannot be read`, frames };
    }
    frames++;
  }
  return { frames };
}

/** Where the index says how many frames are committed, and how many of them are in the database. */
const INDEX = { committed: 16, salt: 32, checkpointed: 96, bytes: 136 } as const;

/** What the index of a log says that is not in the log. */
function missingFrames(log: Uint8Array, index: Uint8Array, frames: number): string | undefined {
  if (index.length < INDEX.bytes) return undefined;
  const view = new DataView(index.buffer, index.byteOffset, index.byteLength);
  // Both in the order of this machine's bytes, which is the little-endian one on all that Deno knows.
  const committed = view.getUint32(INDEX.committed, true);
  if (frames >= committed || view.getUint32(INDEX.checkpointed, true) >= committed) {
    return undefined;
  }
  const isOfThisLog = log.length < HEADER_BYTES ||
    log.subarray(16, 24).every((byte, at) => byte === index[INDEX.salt + at]);
  if (!isOfThisLog) return undefined;
  return `${committed - frames} of its ${committed} pages are missing`;
}

type Sums = readonly [number, number];

function checksum(
  view: DataView,
  start: number,
  length: number,
  littleEndian: boolean,
  [first, second]: Sums,
): Sums {
  for (let at = start; at < start + length; at += 8) {
    first = (first + view.getUint32(at, littleEndian) + second) >>> 0;
    second = (second + view.getUint32(at + 4, littleEndian) + first) >>> 0;
  }
  return [first, second];
}

/** Whether these checksums stand at a position. */
function isAt(view: DataView, at: number, [first, second]: Sums): boolean {
  return view.getUint32(at) === first && view.getUint32(at + 4) === second;
}

/** Whether a frame was written since the log was restarted. */
function hasSalt(view: DataView, at: number): boolean {
  return view.getUint32(at + 8) === view.getUint32(16) &&
    view.getUint32(at + 12) === view.getUint32(20);
}

/** How many frames from a position on end a commit. */
function commitsFrom(view: DataView, start: number, frameBytes: number): number {
  let commits = 0;
  for (let at = start; at + frameBytes <= view.byteLength; at += frameBytes) {
    if (hasSalt(view, at) && view.getUint32(at + 4) !== 0) commits++;
  }
  return commits;
}

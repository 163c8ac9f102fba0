/**
 * The folder of one workload: `params.json`, `stdout.log`, `stderr.log` and what its executor keeps
 * there, readable by the node's user alone.
 *
 * @module
 */
import * as fs from "node:fs";

/** A stream of output. */
export type OutputStream = "stdout" | "stderr";

/**
 * Output that is in no file, because it is little: that of commands that start no process. A stream
 * that is in a file is not here.
 */
export type SmallOutput = Readonly<Partial<Record<OutputStream, Uint8Array<ArrayBuffer>>>>;

/** A file that goes into a workload's folder. */
export interface WorkloadFile {
  readonly name: string;
  readonly bytes: string | Uint8Array;
}

/** What a file takes on disk at least. */
const BLOCK = 4096;

/** What the params are called in a workload's folder. */
export const PARAMS_FILE = "params.json";

/** What the file is called in which a workload writes down how far it is. */
const PROGRESS_FILE = "progress.jsonl";

/** The folder of one workload. */
export class WorkloadFolder {
  /** Names a folder, which may not exist, and the workload's output that is in no file. */
  constructor(readonly path: string, readonly small: SmallOutput = {}) {}

  /** Where the params are. */
  get paramsFile(): string {
    return `${this.path}/${PARAMS_FILE}`;
  }

  /** Where a workload writes down how far it is. */
  get progressFile(): string {
    return `${this.path}/${PROGRESS_FILE}`;
  }

  /** Where a stream of output goes. */
  outputFile(stream: OutputStream): string {
    return `${this.path}/${stream}.log`;
  }

  /** Whether it is there: a command that starts no process may leave none. */
  get exists(): boolean {
    return fs.existsSync(this.path);
  }

  /** Creates it, unless it is there. */
  create(): void {
    try {
      fs.mkdirSync(this.path, { mode: 0o700 });
    } catch {
      // It is there, or what it is to lie in is not. To look for that first takes longer.
      fs.mkdirSync(this.path, { recursive: true, mode: 0o700 });
    }
  }

  /** Writes a file that is not there yet. */
  write({ name, bytes }: WorkloadFile): void {
    fs.writeFileSync(`${this.path}/${name}`, bytes, { mode: 0o600, flag: "wx" });
  }

  /** Puts a line in place of the progress that stands there. */
  keepProgress(line: string): void {
    const next = `${PROGRESS_FILE}.new`;
    fs.rmSync(`${this.path}/${next}`, { force: true });
    this.write({ name: next, bytes: `${line}\n` });
    fs.renameSync(`${this.path}/${next}`, this.progressFile);
  }

  /** What it takes on disk in bytes, each file at least a block, and whether nothing was printed. */
  usage(): { bytes: number; isSilent: boolean } {
    const { stdout, stderr } = this.small;
    const small = (stdout?.length ?? 0) + (stderr?.length ?? 0);
    const files = this.#filesUsage();
    return { bytes: small + files.bytes, isSilent: small === 0 && files.isSilent };
  }

  #filesUsage(): { bytes: number; isSilent: boolean } {
    let bytes = BLOCK;
    let isSilent = true;
    // Asking costs much less than an error.
    if (!this.exists) return { bytes: 0, isSilent };
    try {
      for (const name of fs.readdirSync(this.path)) {
        const { size } = Deno.lstatSync(`${this.path}/${name}`);
        bytes += Math.max(BLOCK, size);
        if (size > 0 && name.endsWith(".log")) isSilent = false;
      }
    } catch {
      return { bytes: 0, isSilent };
    }
    return { bytes, isSilent };
  }

  /** Removes the folder, if it is there. */
  remove(): void {
    fs.rmSync(this.path, { recursive: true, force: true });
  }
}

/**
 * How a handler has ended, as it is written down in the folder of its command.
 *
 * @module
 */
import * as fs from "node:fs";
import { readRegularFile } from "../../os/regular_file.ts";
import { isJsonObject } from "../../protocol/json.ts";
import type { WorkloadFolder } from "../../workloads/folder.ts";
import type { Exit } from "../executor.ts";

/** More than is ever written there. */
const MAX_BYTES = 1024 * 1024;

/** Writes it down. */
export function writeExit(folder: WorkloadFolder, attempt: string, exit: Exit): void {
  const name = fileName(attempt);
  folder.write({ name: `${name}.new`, bytes: JSON.stringify(exit) });
  fs.renameSync(`${folder.path}/${name}.new`, `${folder.path}/${name}`);
}

/** What stands there; `undefined`: it has not ended, or nobody could write that down. */
export function readExit(folder: WorkloadFolder, attempt: string): Exit | undefined {
  try {
    const bytes = readRegularFile(`${folder.path}/${fileName(attempt)}`, MAX_BYTES);
    return exitIn(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return undefined;
  }
}

function exitIn(value: unknown): Exit | undefined {
  if (!isJsonObject(value)) return undefined;
  const { type, error } = value;
  if (type === "exited") return { type, code: 0 };
  return type === "failed" && typeof error === "string" ? { type, error } : undefined;
}

function fileName(attempt: string): string {
  return `exit-${attempt}.json`;
}

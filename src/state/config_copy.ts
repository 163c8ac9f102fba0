/**
 * The copy of a fetched config file, with which a node starts while its server is down.
 *
 * @module
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { replacePrivateFile } from "./private_file.ts";
import { readStateFile } from "./state_file.ts";

/** More bytes than any config file has. */
export const MAX_CONFIG_BYTES: number = 1024 * 1024;

const FILE_NAME = "fetched_config.yml";

/** A config file as a node has run with it. */
export interface ConfigCopy {
  /** What it says. */
  readonly text: string;
  /** When it was fetched, in milliseconds since the epoch. */
  readonly at: number;
}

/**
 * The copy in a state folder; `undefined`: there is none. Throws when it is of another file than the
 * one with `checksum`, or cannot be read.
 */
export function readConfigCopy(stateFolder: string, checksum: string): ConfigCopy | undefined {
  const path = `${stateFolder}/${FILE_NAME}`;
  const text = readStateFile(path, MAX_CONFIG_BYTES);
  if (text === undefined) return undefined;
  if (sha256(text) !== checksum) throw new Error("it is of a file with another checksum");
  return { text, at: fs.statSync(path).mtimeMs };
}

/** Keeps a copy of the config file in a state folder. */
export async function keepConfigCopy(stateFolder: string, text: string): Promise<void> {
  await replacePrivateFile(`${stateFolder}/${FILE_NAME}`, text);
}

/** The SHA-256 checksum of a text in UTF-8, or of bytes: 64 digits, as `sha256sum` prints it. */
export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/**
 * The mark that tells a node that is being stopped that it will not be started again soon: then it
 * leaves nothing loaded.
 *
 * @module
 */
import * as fs from "node:fs";

const FILE_NAME = "unload";

/** Leaves the mark for the node with this state folder. Throws when it cannot be written. */
export function leaveUnloadMark(folder: string): void {
  try {
    // Exclusive, so that no link planted here is followed.
    fs.writeFileSync(`${folder}/${FILE_NAME}`, "", { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error;
  }
}

/** Removes the mark. Returns whether there was one. */
export function takeUnloadMark(folder: string): boolean {
  try {
    fs.unlinkSync(`${folder}/${FILE_NAME}`);
    return true;
  } catch {
    return false;
  }
}

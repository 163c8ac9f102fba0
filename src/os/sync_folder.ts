/**
 * Syncing the names in a folder.
 *
 * @module
 */
import { open } from "node:fs/promises";
import { OS } from "./current.ts";

/** Makes a rename in `folder` survive a power cut, where folders can be synced. */
export async function syncFolder(folder: string): Promise<void> {
  if (!OS.syncsFolders) return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

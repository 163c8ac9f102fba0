/**
 * Files of the state folder that are replaced as a whole.
 *
 * @module
 */
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { syncFolder } from "../os/sync_folder.ts";

/**
 * Makes `text` the content of the file at `path`, which only its owner can read: once this resolves
 * it is on disk, and no crash leaves half of it. A file that root makes is given to `owner`, before
 * anybody can find it.
 */
export async function replacePrivateFile(
  path: string,
  text: string,
  owner?: { readonly uid: number; readonly gid: number },
): Promise<void> {
  // Exclusive and with a name nobody can guess, so that no link planted here is followed.
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  const file = await open(temporary, "wx", 0o600);
  try {
    try {
      await file.chmod(0o600); // Whatever the umask took away.
      const isGiven = owner !== undefined && owner.uid !== 0 && (await file.stat()).uid === 0;
      if (isGiven) await file.chown(owner.uid, owner.gid);
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

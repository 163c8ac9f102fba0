/**
 * Logs that there is a newer version, at most once a day, without delaying anything.
 *
 * @module
 */
import { join } from "node:path";
import { isNewer, newestVersion, publicationOf } from "../backend/newest_version.ts";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { replacePrivateFile } from "../state/private_file.ts";
import { type Clock, within } from "../time.ts";

/** What a newer version is looked for with. */
export interface UpdateParts {
  /** The URL of a module of this program: a file, or where it was published. */
  readonly moduleUrl: string;
  /** The environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Where the day of the last request to the registry is stored. */
  readonly stateFolder: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The file with the day of the last request to the registry. */
const FILE = "update_check.json";

const TIMEOUT_MS = 5000;

/**
 * Asks the registry that this program came from, unless it was asked today, this is CI, or
 * `CYBERWAVE_NO_UPDATE_CHECK` is set, and logs a newer version. Never rejects. A program that came from
 * a file, as binaries do, asks nobody.
 */
export async function noticeUpdate(parts: UpdateParts, signal: AbortSignal): Promise<void> {
  const { moduleUrl, env, stateFolder, clock, logger } = parts;
  const publication = publicationOf(moduleUrl);
  if (publication === undefined || env.CYBERWAVE_NO_UPDATE_CHECK || env.CI) return;
  const { url, name, version } = publication;
  if (!mayAsk(url)) return;
  try {
    const path = join(stateFolder, FILE);
    const today = JSON.stringify({ day: new Date(clock.now()).toISOString().slice(0, 10) }) + "\n";
    if (await Deno.readTextFile(path).catch(() => "") === today) return;
    // Before it is asked: a registry that does not answer is asked once a day, too.
    await replacePrivateFile(path, today);
    await within(TIMEOUT_MS, clock, async (tooLate) => {
      const newest = await newestVersion(url, AbortSignal.any([signal, tooLate]));
      if (newest === undefined || !isNewer(newest, version)) return;
      logger.info(`Version ${newest} is out, this is ${version}: get it as jsr:${name}@${newest}`);
    });
  } catch (error) {
    if (!signal.aborted) logger.debug(`Cannot ask for a newer version: ${messageOf(error)}`);
  }
}

/** Whether asking is allowed without a prompt, and whether a CI would be recognised. */
function mayAsk({ host }: URL): boolean {
  const isGranted = (what: Deno.PermissionDescriptor) =>
    Deno.permissions.querySync(what).state === "granted";
  return isGranted({ name: "net", host }) && isGranted({ name: "env", variable: "CI" });
}

/**
 * What a result file is called at the platform.
 *
 * @module
 */
import { extname } from "node:path";

/** The name of an attachment: its id, and the file's extension where that is a plain one. */
export function attachmentName(uuid: string, path: string): string {
  const extension = extname(path);
  return /^\.[A-Za-z0-9]{1,16}$/.test(extension) ? uuid + extension : uuid;
}

/**
 * What the platform calls a result file.
 *
 * @module
 */

/**
 * The attachment's UUID in the name that the platform gave a file, `<uuid><extension>`; `undefined`
 * when there is none in it.
 */
export function attachmentUuidIn(filename: string): string | undefined {
  return /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:\.[^/\\]*)?$/i.exec(filename)?.[1];
}

/**
 * Errors of loading a part of this program, in Deno's words. Imports nothing: what it would import
 * could be what is missing.
 *
 * @module
 */

const NOT_LOADED =
  /--cached-only is specified|not found in cache|^Module not found|^Could not (find|load|resolve) |^Failed (loading|to load|resolving) |^Import '|^JSR package manifest|^Loading unprepared module/;

/** What to do about `error`, if a module of this program could not be loaded. */
export function moduleHint(error: unknown): string | undefined {
  if (!(error instanceof TypeError) || !NOT_LOADED.test(error.message)) return undefined;
  return "A part of this program is not on this computer, or cannot be read. Store all of it while " +
    "there is a network, as the user that runs it and with the same DENO_DIR: " +
    `deno cache ${Deno.mainModule}. For a service, run "service install" again`;
}

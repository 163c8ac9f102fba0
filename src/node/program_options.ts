/**
 * What the command line says of a node that a program cannot.
 *
 * @module
 */
import type { TokenSource } from "../registration/token.ts";
import type { SettingChanges } from "./setting_changes.ts";

/** What the command line says of a node. */
export interface ProgramOptions {
  /** Where it looks for another token when its own is refused. */
  readonly tokens?: TokenSource;
  /** Passes on what changes in its settings. Default: nothing does. */
  readonly changes?: SettingChanges;
  /** Whether its work ends with it: whoever stops it ends that too. Default: false. */
  readonly isTemporary?: boolean;
  /** Finds out what `doctor --json` prints. Default: nobody does. */
  examine?(): Promise<Record<string, unknown>>;
}

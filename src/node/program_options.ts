/**
 * What the command line tells a node, and a program that embeds one cannot.
 *
 * @module
 */
import type { TokenSource } from "../registration/token.ts";
import type { SettingChanges } from "./setting_changes.ts";

/** What the command line tells a node. */
export interface ProgramOptions {
  /** Where to look for another token when it is refused. */
  readonly tokens?: TokenSource;
  /** Passes on changes of settings. Default: nothing does. */
  readonly changes?: SettingChanges;
  /** Whether whoever stops the node also ends its work. Default: false. */
  readonly isTemporary?: boolean;
  /** Makes what `doctor --json` prints. Default: it cannot be made. */
  examine?(): Promise<Record<string, unknown>>;
}

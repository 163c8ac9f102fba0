/**
 * Events of commands.
 *
 * @module
 */
import type { Progress } from "../protocol/progress.ts";
import type { CommandInfo } from "./command.ts";
import type { Outcome } from "./outcome.ts";

/** What is reported of each event. */
export interface CommandEventMap {
  /** A command is in the journal and will be answered. */
  readonly accepted: { readonly command: CommandInfo };
  /** A command runs. */
  readonly started: {
    readonly command: CommandInfo;
    readonly pid: number | undefined;
    /** How long it waited for its turn. */
    readonly queuedSeconds: number;
  };
  /** A command has reported progress: at most twice a second, and always the last of it. */
  readonly progress: { readonly command: CommandInfo; readonly progress: Progress };
  /** A command has ended, and its reply is in the journal. */
  readonly ended: {
    readonly command: CommandInfo;
    readonly outcome: Outcome;
    /** How long it ran. */
    readonly seconds: number;
  };
  /** The broker has the reply to a command. Once more when the reply was sent again. */
  readonly replied: { readonly command: CommandInfo };
}

/** Where events go. */
export interface CommandEvents {
  /** Reports an event. Never throws. */
  emit<Name extends keyof CommandEventMap>(name: Name, detail: CommandEventMap[Name]): void;
}

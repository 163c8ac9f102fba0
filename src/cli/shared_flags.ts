/**
 * Flags that several commands take.
 *
 * @module
 */
import type { Flag } from "./arguments.ts";

/** Where the settings are. */
export const CONFIG: Flag = {
  name: "config",
  value: "PATH",
  help: "The config file (default: cyberwave.yml in the current folder, if there is one)",
};

/** Whether the result is for a program. */
export const JSON_OUTPUT: Flag = { name: "json", help: "Print one JSON object" };

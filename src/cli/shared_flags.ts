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
  help: "The config file, or URL#sha256=... (default: cyberwave.yml in the current folder)",
};

/** Whether the result is for a program. */
export const JSON_OUTPUT: Flag = { name: "json", help: "Print one JSON object" };

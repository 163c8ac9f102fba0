/**
 * The rows of the settings table about hooks.
 *
 * @module
 */
import type { SettingRows } from "./setting.ts";
import * as values from "../values/values.ts";

/** These rows. */
export const HOOK_SETTINGS: SettingRows<
  "onWorkloadEnd" | "onDisconnect" | "onDisconnectAfter" | "onUnhealthy"
> = {
  onWorkloadEnd: {
    group: "Hooks",
    type: values.shellCommand,
    help: "Shell command run at the end of each workload, with the event as JSON on stdin",
  },
  onDisconnect: {
    group: "Hooks",
    type: values.shellCommand,
    help: "Shell command run when the broker stays away, with the event as JSON on stdin",
  },
  onDisconnectAfter: {
    group: "Hooks",
    type: values.seconds,
    help: "Seconds without the broker after which `on_disconnect` runs",
    default: 300,
  },
  onUnhealthy: {
    group: "Hooks",
    type: values.shellCommand,
    help: "Shell command run when a worker or server fails, with the event as JSON on stdin",
  },
};

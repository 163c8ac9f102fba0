/**
 * The rows of the settings table about the programs that commands run, and what those are given.
 *
 * @module
 */
import type { Settings } from "./config.ts";
import type { SettingKey, SettingRow } from "./setting.ts";
import * as values from "./values.ts";
import { variables } from "./variables.ts";

type Rows<K extends SettingKey> = { readonly [Key in K]: SettingRow<NonNullable<Settings[Key]>> };

/** These rows. */
export const PROGRAM_SETTINGS: Rows<
  "installScript" | "inference" | "training" | "simulate" | "env"
> = {
  installScript: {
    group: "Workloads",
    type: values.shellCommand,
    help: "Shell command run once at each start, before registration",
    yaml: ["install_script", "install"],
  },
  inference: {
    group: "Workloads",
    type: values.template,
    help: "Shell command template of `inference` commands",
    env: ["CYBERWAVE_INFERENCE_CMD"],
  },
  training: {
    group: "Workloads",
    type: values.template,
    help: "Shell command template of `training` commands",
    env: ["CYBERWAVE_TRAINING_CMD"],
  },
  simulate: {
    group: "Workloads",
    type: values.template,
    help: "Shell command template of `simulate` commands",
    env: ["CYBERWAVE_SIMULATE_CMD"],
  },
  env: {
    group: "Workloads",
    type: variables,
    help: "Variables for workloads, by name; `${NAME}` is a variable of the node's environment",
    default: {},
    defaultText: "none",
    env: [],
  },
};

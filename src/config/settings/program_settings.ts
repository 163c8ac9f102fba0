/**
 * The rows of the settings table about the programs that commands run, and what those are given.
 *
 * @module
 */
import { WORKLOAD_KINDS, type WorkloadKind } from "../../protocol/kinds.ts";
import type { BodyForm } from "../node_config.ts";
import { envFiles } from "../files/env_files.ts";
import { eachOf, sameForAll } from "../values/named_values.ts";
import { program } from "../programs/program_value.ts";
import type { SettingRows } from "./setting.ts";
import * as values from "../values/values.ts";
import { someWords } from "../values/word_list.ts";
import { variables } from "../variables.ts";

const JSON_FOR_EACH = sameForAll<WorkloadKind, BodyForm>(WORKLOAD_KINDS, "json");

/** These rows. */
export const PROGRAM_SETTINGS: SettingRows<
  | "installScript"
  | "inference"
  | "training"
  | "simulate"
  | "exclusive"
  | "python"
  | "body"
  | "env"
  | "envFile"
> = {
  installScript: {
    group: "Workloads",
    type: values.shellCommand,
    help: "Shell command run once at each start, before registration",
    yaml: ["install_script", "install"],
  },
  inference: {
    group: "Workloads",
    type: program,
    help: "Shell command template of `inference` commands, or a Python file",
    env: ["CYBERWAVE_INFERENCE_CMD"],
  },
  training: {
    group: "Workloads",
    type: program,
    help: "Shell command template of `training` commands, or a Python file",
    env: ["CYBERWAVE_TRAINING_CMD"],
    yaml: ["training", "train"],
  },
  simulate: {
    group: "Workloads",
    type: program,
    help: "Shell command template of `simulate` commands, or a Python file",
    env: ["CYBERWAVE_SIMULATE_CMD"],
  },
  exclusive: {
    group: "Workloads",
    type: someWords(WORKLOAD_KINDS),
    help: "The kinds that never run at the same time, as on one GPU: `training,inference`",
    default: [],
    defaultText: "none",
  },
  python: {
    group: "Workloads",
    type: values.path,
    help: "The Python that runs a template which is the name of a Python file",
    defaultText: "that of `.venv`, else `python3`",
  },
  body: {
    group: "Workloads",
    type: eachOf(values.oneOf("json", "file"), JSON_FOR_EACH),
    help: "What `{body}` is: `json`, or the path of a `file`; also `inference=json,training=file`",
    default: JSON_FOR_EACH,
    env: ["CYBERWAVE_BODY_FORM"],
  },
  env: {
    group: "Workloads",
    type: variables,
    help: "Variables for workloads, by name; `${NAME}` is a variable of the node's environment",
    default: {},
    defaultText: "none",
    env: [],
  },
  envFile: {
    group: "Workloads",
    type: envFiles,
    help: "Files of variables for workloads, relative to the config file, such as `secrets.env`",
    default: [],
    defaultText: "none",
  },
};

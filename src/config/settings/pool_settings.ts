/**
 * The rows of the settings table about the pool that a node belongs to.
 *
 * @module
 */
import { ConfigError } from "../../errors.ts";
import type { Settings } from "../config.ts";
import type { SettingRows } from "./setting.ts";
import * as values from "../values/values.ts";

/** The settings of the group Pool. */
export const POOL_SETTINGS: SettingRows<"pool" | "poolTopic" | "poolPrefetch"> = {
  pool: {
    group: "Pool",
    type: values.identifier,
    help: "The pool of nodes that this one belongs to: commands sent to it go to one of them",
    flag: { name: "pool", value: "NAME" },
  },
  poolTopic: {
    group: "Pool",
    type: values.topicFilter,
    help: "The topic filter to subscribe to, for a broker with its own queues: `$queue/gpu`",
    defaultText: "a shared subscription to the pool's topic",
  },
  poolPrefetch: {
    group: "Pool",
    type: values.count,
    help:
      "How many commands of a kind may wait before the node leaves the pool until there is room",
    default: 0,
  },
};

/** What is wrong with them together. */
export function poolProblems(settings: Pick<Settings, "pool" | "poolTopic">): ConfigError[] {
  if (settings.poolTopic === undefined || settings.pool !== undefined) return [];
  return [
    new ConfigError("pool_topic says how to subscribe to a pool, but pool names none", {
      hint: "Name the pool as well: pool: NAME",
    }),
  ];
}

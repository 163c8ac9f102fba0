/**
 * `permissions`: the flags that grant only what the node needs.
 *
 * @module
 */
import { loadSettings, withDotenv } from "../../config/load.ts";
import {
  environmentFlags,
  nodePermissions,
  unnamedVariables,
} from "../../config/needed_permissions.ts";
import { ConfigError, quoted } from "../../errors.ts";
import { devPermissions } from "../../dev/needed_by_dev.ts";
import { permissionFlags, readEnvironment } from "../../permissions.ts";
import { inspectHost } from "../../os/processes.ts";
import type { Arguments } from "../arguments.ts";
import { shellWord } from "../invocation.ts";
import { loadOptions } from "../load_settings.ts";
import { print, report } from "../terminal/terminal.ts";

/** Prints the flags. */
export async function run(args: Arguments): Promise<number> {
  const [command = "start"] = args.operands;
  if (command !== "start" && command !== "dev") {
    throw new ConfigError(`There are permissions for start and dev, not for ${quoted(command)}`);
  }
  const loaded = await loadSettings(loadOptions(args));
  const { settings, warnings } = loaded;
  for (const warning of warnings) report(warning);
  const { shell } = await inspectHost();
  const needsOf = command === "dev" ? devPermissions : nodePermissions;
  const needs = needsOf(settings, shell, withDotenv(readEnvironment(), loaded));
  print([...permissionFlags(needs), ...environmentFlags()].map(shellWord).join(" "));
  const unnamed = unnamedVariables(Object.keys(readEnvironment())).sort();
  if (unnamed.length > 0) {
    report(`Not named, so workloads will not see them: ${unnamed.join(", ")}`);
  }
  return 0;
}

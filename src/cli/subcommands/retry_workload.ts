/**
 * `retry`: sends the params of a workload again, under a new request id.
 *
 * @module
 */
import { nameOf } from "../../commands/command.ts";
import { ConfigError, messageOf } from "../../errors.ts";
import { History } from "../../journal/history.ts";
import type { CommandRecord } from "../../journal/record.ts";
import { WorkloadFolder } from "../../workloads/folder.ts";
import { readStoredParams } from "../../workloads/stored_params.ts";
import type { Arguments } from "../arguments.ts";
import { findWorkload } from "../find_workload.ts";
import { useSettings } from "../load_settings.ts";
import { sendCommand } from "./send_command.ts";

/** Sends it again, and prints the reply. */
export async function run(args: Arguments): Promise<number> {
  const { settings } = await useSettings(args);
  const { stateFolder } = settings;
  const record = find(args.operands[0], stateFolder);
  const params = paramsOf(record, stateFolder);
  return await sendCommand(record.kind, params, settings, args);
}

function find(name: string | undefined, stateFolder: string): CommandRecord {
  using history = History.open(stateFolder);
  return findWorkload(history, name, stateFolder);
}

/**
 * The params as they were sent.
 *
 * @throws {ConfigError} if they are no longer there, or only the platform can send them again
 */
function paramsOf(record: CommandRecord, stateFolder: string): string {
  const name = nameOf(record);
  if (record.workloadUuid !== undefined || record.hasToken) {
    throw new ConfigError(`${name} is a workload of the platform, which alone can start it again`);
  }
  if (record.state === "queued") {
    throw new ConfigError(`${name} has not run yet: it waits for its turn`);
  }
  if (record.startedAt === undefined) {
    throw new ConfigError(`${name} never began, and its params are no longer kept`);
  }
  const folder = new WorkloadFolder(`${stateFolder}/workloads/${record.id}`);
  try {
    return readStoredParams(folder);
  } catch (error) {
    throw new ConfigError(`Cannot read the params of ${name}: ${messageOf(error)}`, {
      hint: "They are removed with the workload's other files: see keep_workloads",
    });
  }
}

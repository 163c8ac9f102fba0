/**
 * Which workload is meant on the command line.
 *
 * @module
 */
import { nameOf } from "../commands/command.ts";
import { ConfigError, quoted } from "../errors.ts";
import type { History } from "../journal/history.ts";
import type { CommandRecord } from "../journal/record.ts";
import { PROGRAM } from "./subcommand.ts";

/** How many workloads an error names if several match. */
const MAX_NAMED = 3;

/**
 * The workload with this id, the newest with this request id, or the only one whose id or request
 * id begins like this; without a name, the newest of all.
 *
 * @throws {ConfigError} if there is none, or it is not clear which one
 */
export function findWorkload(
  history: History | undefined,
  name: string | undefined,
  stateFolder: string,
): CommandRecord {
  const record = name === undefined ? history?.latest() : history?.find(name);
  if (record !== undefined) return record;
  const hint = `See "${PROGRAM} ps --all" for all workloads`;
  if (name === undefined) {
    throw new ConfigError(`There is no workload in ${quoted(stateFolder)}`, {
      hint: "No node has accepted a command here, or its records were removed (keep_workloads)",
    });
  }
  // As "ps" shows ids where there is little room.
  const start = name.replace(/…$/, "");
  // An empty name, such as an unset variable of a script, would match every id.
  const found = start === "" ? [] : newestOfEachRequest(history?.beginningWith(start) ?? []);
  if (found.length === 1) return found[0]!;
  if (found.length === 0) {
    throw new ConfigError(`There is no workload ${quoted(name)} in ${quoted(stateFolder)}`, {
      hint,
    });
  }
  const named = found.slice(0, MAX_NAMED).map((record) => `${nameOf(record)} (${record.id})`);
  const more = found.length > MAX_NAMED ? " and more" : "";
  throw new ConfigError(
    `${quoted(name)} matches several workloads: ${named.join(", ")}${more}`,
    { hint },
  );
}

/** Of several with one request id the newest is meant. They come newest first. */
function newestOfEachRequest(records: readonly CommandRecord[]): CommandRecord[] {
  const seen = new Set<string>();
  return records.filter(({ id, requestId }) => {
    const key = requestId === undefined ? id : `r ${requestId}`;
    return !seen.has(key) && seen.add(key);
  });
}

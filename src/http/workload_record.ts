/**
 * The workload that a request names.
 *
 * @module
 */
import { History } from "../journal/history.ts";
import type { CommandRecord } from "../journal/record.ts";
import { errorAnswer } from "./answers.ts";
import type { RouteParts } from "./route.ts";

/** The workload with this id, else the newest with this request id; `undefined`: there is none. */
export function findRecord(
  id: string,
  { stateFolder }: Pick<RouteParts, "stateFolder">,
): CommandRecord | undefined {
  using history = History.open(stateFolder);
  return history?.find(id);
}

/** The answer to a request for an unknown workload. */
export function noWorkload(): Response {
  return errorAnswer(404, "not_found", "There is no such workload");
}

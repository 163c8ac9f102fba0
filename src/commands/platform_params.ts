/**
 * What the platform puts into the params of a command beside what the workload asked for.
 *
 * @module
 */
import { identifierProblem } from "../protocol/identifiers.ts";
import type { JsonObject } from "../protocol/json.ts";
import { imageIn } from "../workload/image.ts";

/** The params of a command, read. */
export interface PlatformParams {
  /** What the workload gets to see. */
  readonly params: JsonObject;
  /** The platform's id for the work, when it follows it. */
  readonly workloadUuid: string | undefined;
  /** The token for this work alone. */
  readonly token: string | undefined;
}

/** Reads them, or says what is wrong with them. */
export function readPlatformParams(params: JsonObject): PlatformParams | { error: string } {
  const { cyberwave_workload_token: token, ...rest } = params;
  const { workload_uuid: uuid } = rest;
  if (typeof uuid === "string") {
    const problem = identifierProblem(uuid);
    if (problem !== undefined) return { error: `workload_uuid ${problem}` };
  }
  try {
    imageIn(rest);
  } catch (error) {
    return { error: (error as TypeError).message };
  }
  return {
    params: rest,
    workloadUuid: typeof uuid === "string" ? uuid : undefined,
    token: typeof token === "string" && token !== "" ? token : undefined,
  };
}

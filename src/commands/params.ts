/**
 * What the platform puts into the params of a command beside what the workload asked for.
 *
 * @module
 */
import { identifierProblem } from "../protocol/identifiers.ts";
import type { JsonObject } from "../protocol/json.ts";
import { imageIn } from "./image.ts";

/** The param that holds the token for one workload. */
export const TOKEN_PARAM = "cyberwave_workload_token";

/** The params of a command, read. */
export interface PlatformParams {
  /** What the workload gets to see. */
  readonly params: JsonObject;
  /** The platform's id for the work, when it follows it. */
  readonly workloadUuid: string | undefined;
  /** The token for this work alone. */
  readonly token: string | undefined;
}

/** What is wrong with params, and the platform's id for the work where that can be told. */
export interface ParamsProblem {
  readonly error: string;
  readonly workloadUuid: string | undefined;
}

/** Reads them, or says what is wrong with them. */
export function readPlatformParams(params: JsonObject): PlatformParams | ParamsProblem {
  const { [TOKEN_PARAM]: token, ...rest } = params;
  const workloadUuid = readWorkloadUuid(rest);
  if (typeof workloadUuid === "object") return workloadUuid;
  try {
    imageIn(rest);
  } catch (error) {
    return { error: (error as TypeError).message, workloadUuid };
  }
  return {
    params: rest,
    workloadUuid,
    token: typeof token === "string" && token !== "" ? token : undefined,
  };
}

/** The platform's id for the work; `undefined`: it does not follow it. */
export function readWorkloadUuid(
  { workload_uuid: uuid }: JsonObject,
): string | ParamsProblem | undefined {
  if (uuid === undefined || uuid === null || uuid === "") return undefined;
  const problem = identifierProblem(uuid);
  if (problem !== undefined) return { error: `workload_uuid ${problem}`, workloadUuid: undefined };
  return uuid as string;
}

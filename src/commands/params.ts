/**
 * The params of a command, and what the platform adds to them.
 *
 * @module
 */
import { TOKEN_PARAM } from "../protocol/decode.ts";
import { identifierProblem } from "../protocol/identifiers.ts";
import type { ObjectText } from "../protocol/object_text.ts";
import { imageIn } from "./image.ts";

/** The params of a command, read. */
export interface PlatformParams {
  /** The params for the workload: JSON without any token. */
  readonly params: string;
  /** The platform's id for the work, when it follows it. */
  readonly workloadUuid: string | undefined;
  /** The token for this work alone. */
  readonly token: string | undefined;
}

/** What is wrong with params, and the platform's id for the work where it can be read. */
export interface ParamsProblem {
  readonly error: string;
  readonly workloadUuid: string | undefined;
}

/** A longer one is no token, and would not fit into the environment of a process. */
const MAX_TOKEN_LENGTH = 8 * 1024;

/** Reads them, or says what is wrong with them. */
export function readPlatformParams(params: ObjectText): PlatformParams | ParamsProblem {
  const workloadUuid = readWorkloadUuid(params);
  if (typeof workloadUuid === "object") return workloadUuid;
  const token = params.get(TOKEN_PARAM);
  const error = tokenProblem(token) ?? imageProblem(params);
  if (error !== undefined) return { error, workloadUuid };
  return {
    params: params.withoutNested(TOKEN_PARAM).text,
    workloadUuid,
    token: typeof token === "string" && token !== "" ? token : undefined,
  };
}

/** The platform's id for the work; `undefined`: it does not follow it. */
export function readWorkloadUuid(params: ObjectText): string | ParamsProblem | undefined {
  const uuid = params.get("workload_uuid");
  if (uuid === undefined || uuid === null || uuid === "") return undefined;
  const problem = identifierProblem(uuid);
  if (problem !== undefined) return { error: `workload_uuid ${problem}`, workloadUuid: undefined };
  return uuid as string;
}

function tokenProblem(token: unknown): string | undefined {
  const isTooLong = typeof token === "string" && token.length > MAX_TOKEN_LENGTH;
  return isTooLong ? `${TOKEN_PARAM} must be at most ${MAX_TOKEN_LENGTH} characters` : undefined;
}

function imageProblem(params: ObjectText): string | undefined {
  try {
    imageIn(params);
  } catch (error) {
    return (error as TypeError).message;
  }
}

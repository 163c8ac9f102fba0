/**
 * Replies of a node, as their receiver sees them.
 *
 * @module
 */
import { CloudNodeError } from "../errors.ts";
import { isJsonObject, type JsonObject } from "../protocol/json.ts";
import { readResources, type Resources } from "../protocol/resources.ts";

/**
 * The reply of a node to a command.
 *
 * @example
 * ```ts
 * import type { CommandReply } from "@cyberwave/cloud-node";
 *
 * function describe({ requestId, status, output, error }: CommandReply): string {
 *   return `${requestId}: ${status === "ok" ? output : error}`;
 * }
 * console.log(typeof describe); // function
 * ```
 */
export interface CommandReply {
  /** Whether the command succeeded. */
  readonly status: "ok" | "error";
  /** The id of the command; `undefined` when it came without one that could be read. */
  readonly requestId: string | undefined;
  /** The slug of the node. */
  readonly slug: string;
  /** The UUID of the node. */
  readonly instanceUuid: string;
  /** What the command printed to standard output; `""` when it failed. */
  readonly output: string;
  /** Why it failed: what it printed to standard error, or what the node says. `""` if it did not. */
  readonly error: string;
  /** Whether the middle of `output` or `error` was cut out, because it was too long. */
  readonly isTruncated: boolean;
  /** What the command has used of the machine, as far as the node knows. */
  readonly resources: Resources | undefined;
  /** The reply as it came. */
  readonly message: Readonly<Record<string, unknown>>;
}

/**
 * The node answered that a command failed. Exit code 10.
 *
 * @example
 * ```ts
 * import { CommandFailedError } from "@cyberwave/cloud-node";
 *
 * const explain = (error: unknown) =>
 *   error instanceof CommandFailedError ? error.reply.error : String(error);
 * console.log(explain("no answer")); // no answer
 * ```
 */
export class CommandFailedError extends CloudNodeError {
  /** Always 10. */
  readonly exitCode = 10;
  /** The reply that says so. */
  readonly reply: CommandReply;

  /** Makes an error of a reply. */
  constructor(reply: CommandReply) {
    super(reply.error);
    this.reply = reply;
  }
}

/**
 * No reply came in time. The command may run all the same. Exit code 1.
 *
 * @example
 * ```ts
 * import { NoReplyError } from "@cyberwave/cloud-node";
 *
 * const error = new NoReplyError("No reply to inference within 60 s");
 * console.log(error.exitCode, error.permanent); // 1 false
 * ```
 */
export class NoReplyError extends CloudNodeError {
  /** Always 1. */
  readonly exitCode = 1;
  /** Always `false`: the reply may still come. */
  override readonly permanent = false;
}

/** Reads a message on a topic of replies; `undefined`: it is none. */
export function decodeReply(payload: Uint8Array): CommandReply | undefined {
  const message = parseObject(payload);
  if (typeof message?.status !== "string") return undefined;
  const { status, request_id, slug, instance_uuid, output, error, output_truncated, resources } =
    message;
  return {
    // What is not "ok" is no success, whatever it is.
    status: status === "ok" ? "ok" : "error",
    requestId: typeof request_id === "string" ? request_id : undefined,
    slug: asText(slug),
    instanceUuid: asText(instance_uuid),
    output: asText(output),
    error: asText(error),
    isTruncated: output_truncated === true,
    resources: readResources(resources),
    message,
  };
}

/** The JSON object in a message; `undefined`: it holds something else. */
export function parseObject(payload: Uint8Array): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(payload));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value) ?? "";
}

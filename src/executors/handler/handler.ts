/**
 * Handlers: functions of the program that embeds a node, which run its commands.
 *
 * @module
 */
import { messageOf } from "../../errors.ts";
import type { Progress } from "../../protocol/progress.ts";

/**
 * What a handler gets beside the params of its command.
 *
 * @example
 * ```ts
 * import type { HandlerContext } from "@cyberwave/cloud-node";
 *
 * async function calibrate(_params: unknown, { signal, progress, log }: HandlerContext) {
 *   for (let step = 1; step <= 3; step++) {
 *     signal.throwIfAborted();
 *     log(`step ${step}`);
 *     progress({ progress: step, total: 3 });
 *     await Promise.resolve();
 *   }
 *   return { offset: 0.2 };
 * }
 * console.log(calibrate.name);
 * ```
 */
export interface HandlerContext {
  /** The command's name: `inference`, `calibrate`, ... */
  readonly command: string;
  /** The sender's id for the command; `undefined`: it came without one. */
  readonly requestId: string | undefined;
  /** Aborts when the command is cancelled or has reached its time limit: then return, or throw. */
  readonly signal: AbortSignal;
  /** The folder for result files, which go to the platform after success. It may not exist yet. */
  readonly folder: string;
  /** The variables that a process would get for this command alone, such as its token. */
  readonly env: Readonly<Record<string, string>>;
  /** Reports how far the command is, as often as it likes. */
  progress(progress: Progress): void;
  /** Writes a line to the command's log: that of the node, `logs`, and the platform's. */
  log(line: string): void;
}

/**
 * Runs a command: the promise's value is the output of the reply, an error its error. Texts and bytes
 * are sent as they are, any other JSON value as JSON. `params` is parsed JSON, whose numbers are as
 * `JSON.parse` reads them.
 *
 * @example
 * ```ts
 * import { CloudNode, type Handler } from "@cyberwave/cloud-node";
 *
 * const calibrate: Handler<{ samples?: number }> = async ({ samples = 10 }, { signal }) => {
 *   signal.throwIfAborted();
 *   return await Promise.resolve({ offset: 1 / samples });
 * };
 * new CloudNode({ handlers: { calibrate } });
 * ```
 */
export type Handler<Params = Record<string, unknown>> = (
  params: Params,
  context: HandlerContext,
) => unknown;

/**
 * A handler, and how its commands are run. What is left out is as the configuration says, and for
 * names that it does not know as it is for `inference` by default.
 *
 * @example
 * ```ts
 * import { CloudNode, type HandlerOptions } from "@cyberwave/cloud-node";
 *
 * const calibrate: HandlerOptions = { run: () => "done", concurrency: 2, timeout: 60 };
 * new CloudNode({ handlers: { calibrate } });
 * ```
 */
export interface HandlerOptions {
  /** Runs a command. */
  // deno-lint-ignore no-explicit-any
  readonly run: Handler<any>;
  /** How many commands run at the same time. Default: 1. */
  readonly concurrency?: number;
  /** How many commands may wait; 0 refuses what cannot start. Default: 10,000. */
  readonly maxQueued?: number;
  /** Seconds after which a command is stopped. Default: never. */
  readonly timeout?: number;
  /** Seconds from the abort of its signal until a handler is no longer waited for. Default: 10. */
  readonly cancelGrace?: number;
}

/**
 * What a handler has returned, as output.
 *
 * @throws {TypeError} if it is no JSON value, with a message for the reply
 */
export function outputOf(result: unknown): string | Uint8Array {
  if (typeof result === "string" || result instanceof Uint8Array) return result;
  let json: string | undefined;
  try {
    json = JSON.stringify(result);
  } catch (error) {
    throw new TypeError(`The handler returned what is no JSON value: ${messageOf(error)}`);
  }
  if (json !== undefined && !(json.startsWith("{") && isLost(result, json))) return json;
  const what = result === undefined ? "undefined" : `a value of type ${typeName(result)}`;
  throw new TypeError(`The handler returned ${what}, which is no JSON value (null is one)`);
}

/** Whether the JSON of an object, such as a `Map`, a `Blob` or a `Float32Array`, is not what it holds. */
function isLost(result: unknown, json: string): boolean {
  if (ArrayBuffer.isView(result)) return true;
  return json === "{}" && typeName(result) !== "Object";
}

/** `Object`, `Symbol`, `Map`, ... */
function typeName(value: unknown): string {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}

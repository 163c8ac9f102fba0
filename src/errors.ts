/**
 * The errors this package throws on purpose. Each says whether trying again can help
 * (`permanent`), what to do about it (`hint`) and the exit code of a process that it ends
 * (`exitCode`).
 *
 * @module
 */

/**
 * What an error says beyond its message.
 *
 * @example
 * ```ts
 * import { type CloudNodeErrorOptions, ConfigError } from "@cyberwave/cloud-node";
 *
 * const options: CloudNodeErrorOptions = { hint: "Create one", cause: new Error("ENOENT") };
 * console.log(new ConfigError("There is no cyberwave.yml", options).hint); // Create one
 * ```
 */
export interface CloudNodeErrorOptions {
  /** What the reader can do about it: one sentence, shown under the message. Default: none. */
  hint?: string;
  /** The error that led to this one. Default: none. */
  cause?: unknown;
}

/**
 * Any error this package throws on purpose.
 *
 * @example Telling an expected failure from a bug
 * ```ts
 * import { CloudNodeError, ConfigError } from "@cyberwave/cloud-node";
 *
 * const error: unknown = new ConfigError("No cyberwave.yml", { hint: "Create one" });
 * if (error instanceof CloudNodeError) console.log(error.message, error.hint, error.exitCode);
 * ```
 */
export abstract class CloudNodeError extends Error {
  /** The exit code of a process that ends because of this error. */
  abstract readonly exitCode: number;
  /** Whether the same attempt would fail again: `false` means that a retry may succeed. */
  readonly permanent: boolean = true;
  /** What the reader can do about it, if anything. */
  readonly hint: string | undefined;

  /** Makes an error with a message, and optionally a hint and a cause. */
  constructor(message: string, options: CloudNodeErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = new.target.name;
    this.hint = options.hint;
  }
}

/**
 * A setting is missing, malformed or contradicts another one, or a command line is wrong. Exit
 * code 2.
 *
 * @example
 * ```ts
 * import { CloudNode, ConfigError } from "@cyberwave/cloud-node";
 *
 * try {
 *   new CloudNode({ config: { mqttPort: 70_000 } });
 * } catch (error) {
 *   if (error instanceof ConfigError) console.log(error.message);
 * }
 * ```
 */
export class ConfigError extends CloudNodeError {
  /** Always 2. */
  readonly exitCode = 2;
}

/**
 * The runtime does not allow the program what it needs; the hint names the flags that would. Exit
 * code 2.
 *
 * @example
 * ```ts
 * import { MissingPermissionError } from "@cyberwave/cloud-node";
 *
 * const hint = "Add --allow-net=mqtt.cyberwave.com:1883";
 * console.log(new MissingPermissionError("Cannot connect", { hint }).exitCode); // 2
 * ```
 */
export class MissingPermissionError extends CloudNodeError {
  /** Always 2. */
  readonly exitCode = 2;
}

/**
 * There is no token, or the backend or the broker rejects it. Exit code 3.
 *
 * @example
 * ```ts
 * import { AuthenticationError } from "@cyberwave/cloud-node";
 *
 * const error = new AuthenticationError("The backend rejected the token");
 * console.log(error.exitCode, error.permanent); // 3 true
 * ```
 */
export class AuthenticationError extends CloudNodeError {
  /** Always 3. */
  readonly exitCode = 3;
}

/**
 * The install script failed. Exit code 4.
 *
 * @example
 * ```ts
 * import { InstallScriptError } from "@cyberwave/cloud-node";
 *
 * console.log(new InstallScriptError("The install script failed with code 1").exitCode); // 4
 * ```
 */
export class InstallScriptError extends CloudNodeError {
  /** Always 4. */
  readonly exitCode = 4;
}

/**
 * Another node already uses the same state folder. Exit code 5.
 *
 * @example
 * ```ts
 * import { StateFolderInUseError } from "@cyberwave/cloud-node";
 *
 * console.log(new StateFolderInUseError("In use by process 4242").exitCode); // 5
 * ```
 */
export class StateFolderInUseError extends CloudNodeError {
  /** Always 5. */
  readonly exitCode = 5;
}

/**
 * The backend did not answer, or answered with an error. Trying again helps unless `permanent`.
 * Exit code 1.
 *
 * @example
 * ```ts
 * import { BackendError } from "@cyberwave/cloud-node";
 *
 * const error = new BackendError("POST /register answered 503", { status: 503 });
 * console.log(error.status, error.permanent); // 503 false
 * ```
 */
export class BackendError extends CloudNodeError {
  /** Always 1. */
  readonly exitCode = 1;
  /** Whether the backend will answer the same again: true for HTTP 4xx but 408, 425 and 429. */
  override readonly permanent: boolean;
  /** The HTTP status, or `undefined` when there was no answer at all. */
  readonly status: number | undefined;
  /** How many milliseconds the server asks to wait, where it says so (`Retry-After`). */
  readonly retryAfterMs: number | undefined;

  /** Makes an error for an answer with `status`, or for no answer. */
  constructor(
    message: string,
    options: CloudNodeErrorOptions & { status?: number; retryAfterMs?: number } = {},
  ) {
    super(message, options);
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
    this.permanent = isPermanent(options.status);
  }
}

function isPermanent(status: number | undefined): boolean {
  if (status === undefined || [408, 425, 429].includes(status)) return false;
  return status >= 400 && status < 500;
}

/**
 * The broker cannot be reached, or refuses what was asked of it. Exit code 1.
 *
 * @example
 * ```ts
 * import { BrokerError } from "@cyberwave/cloud-node";
 *
 * console.log(new BrokerError("The broker does not answer").permanent); // false
 * ```
 */
export class BrokerError extends CloudNodeError {
  /** Always 1. */
  readonly exitCode = 1;
  /** Always `false`: brokers come back. */
  override readonly permanent = false;
}

/** A value as it stands in a message: quoted, control characters escaped, at most 200 characters. */
export function quoted(value: unknown): string {
  const text = asJson(value);
  return text.length <= 200 ? text : `${text.slice(0, 200)}… (${text.length} characters)`;
}

function asJson(value: unknown): string {
  try {
    return String(JSON.stringify(value));
  } catch {
    // A program may give an object that holds itself, or a bigint.
    return String(value);
  }
}

/** The message of anything that was thrown. Does not throw, whatever that is. */
export function messageOf(error: unknown): string {
  try {
    const text = String(error instanceof Error ? error.message : error);
    return text === "[object Object]" ? quoted(error) : text;
  } catch {
    return "something that cannot be read was thrown";
  }
}

/** So many of something: `1 file`, `2 files`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

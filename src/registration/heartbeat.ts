/**
 * Telling the backend, over and over, that this node is alive.
 *
 * @module
 */
import { AuthenticationError, BackendError, quoted } from "../errors.ts";
import type { Logger } from "../log.ts";
import { type Clock, isAbort } from "../time.ts";
import type { Identity } from "./identity.ts";

/** What a heartbeat asks of the backend. */
export interface HeartbeatApi {
  /** Says that the instance is alive; `"gone"` when the backend has given it up. */
  heartbeat(identity: Identity, signal?: AbortSignal): Promise<"alive" | "gone">;
}

/** What {@linkcode sendHeartbeats} works with. */
export interface HeartbeatOptions {
  /** The backend. */
  api: HeartbeatApi;
  /** Who this node is now: asked before each heartbeat. */
  identity: () => Identity;
  /** From the start of one heartbeat to the start of the next, in milliseconds. */
  intervalMs: number;
  /** Called when the backend has given the instance up; becomes another one. */
  onGone: (signal: AbortSignal) => Promise<void>;
  /** Waits between the heartbeats. */
  clock: Clock;
  /** Where changes are told. */
  logger: Logger;
}

const MAX_REJECTIONS = 5;

/**
 * Sends heartbeats, the first at once, until `signal` aborts. Survives every failure but the
 * backend rejecting the token five times in a row, which throws the `AuthenticationError`.
 */
export async function sendHeartbeats(
  options: HeartbeatOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, intervalMs } = options;
  const health = new Health(options.logger);
  try {
    while (!signal.aborted) {
      const start = clock.monotonic();
      await sendHeartbeat(options, health, signal);
      // Measured from the start, but never made up for: no burst after the machine was suspended.
      // An instance that was just replaced is alive, so it waits too.
      await clock.sleep(Math.max(0, intervalMs - (clock.monotonic() - start)), signal);
    }
  } catch (error) {
    if (!isAbort(error, signal)) throw error;
  }
}

async function sendHeartbeat(
  { api, identity, logger, onGone }: HeartbeatOptions,
  health: Health,
  signal: AbortSignal,
): Promise<void> {
  try {
    const instance = identity();
    const answer = await api.heartbeat(instance, signal);
    health.answered();
    if (answer === "alive") return;
    logger.warn(
      `The backend has given up ${quoted(instance.slug)} (${instance.uuid}): registering another`,
    );
  } catch (error) {
    return health.failed(error);
  }
  await onGone(signal);
}

/** Turns the outcomes of heartbeats into log lines: one for each change, not one for each beat. */
class Health {
  #rejections = 0;
  #trouble: string | undefined;

  constructor(readonly logger: Logger) {}

  answered(): void {
    if (this.#trouble !== undefined) this.logger.info("The backend accepts heartbeats again");
    this.#rejections = 0;
    this.#trouble = undefined;
  }

  failed(error: unknown): void {
    if (error instanceof AuthenticationError) return this.#rejected(error);
    if (!(error instanceof BackendError)) throw error;
    this.#rejections = 0;
    const trouble = String(error.status ?? error.message);
    if (trouble !== this.#trouble) this.logger.warn(`The heartbeat failed: ${error.message}`);
    this.#trouble = trouble;
  }

  #rejected(error: AuthenticationError): void {
    this.#trouble = "rejected";
    if (++this.#rejections === MAX_REJECTIONS) throw error;
    this.logger.warn(
      `The heartbeat failed (${this.#rejections} of ${MAX_REJECTIONS} in a row before the node ` +
        `gives up): ${error.message}`,
    );
  }
}

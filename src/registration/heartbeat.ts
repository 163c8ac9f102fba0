/**
 * Reporting to the backend, at intervals, that this node is alive.
 *
 * @module
 */
import { AuthenticationError, BackendError, quoted } from "../errors.ts";
import type { Logger } from "../log.ts";
import { type Clock, isAbort, Outage, timeInWords } from "../time.ts";
import type { Identity } from "./identity.ts";
import type { TokenInUse } from "./retry.ts";

/** The calls of heartbeats. */
export interface HeartbeatApi {
  /** Reports that the instance is alive; `"gone"`: the backend no longer has it. */
  heartbeat(identity: Identity, signal?: AbortSignal): Promise<"alive" | "gone">;
}

/** What {@linkcode sendHeartbeats} works with. */
interface HeartbeatOptions {
  /** The backend. */
  api: HeartbeatApi;
  /** The token. */
  token: TokenInUse;
  /** The identity of the node, read before each heartbeat. */
  identity: () => Identity;
  /** From the start of one heartbeat to the start of the next, in milliseconds. */
  intervalMs: number;
  /** Called when the backend no longer has the instance; registers again. */
  onGone: (signal: AbortSignal) => Promise<void>;
  /** Waits between the heartbeats. */
  clock: Clock;
  /** Where changes are reported. */
  logger: Logger;
}

/**
 * Sends heartbeats, the first at once, until `signal` aborts. Whatever the backend answers, they go
 * on: the node was accepted, and its work does not depend on them.
 */
export async function sendHeartbeats(
  options: HeartbeatOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, intervalMs } = options;
  const health = new Health(options);
  try {
    while (!signal.aborted) {
      const start = clock.monotonic();
      const asked = await sendHeartbeat(options, health, signal);
      // Measured from the start, but never made up for: no burst after the machine was suspended.
      // An instance that was just replaced is alive, so it waits too.
      const wait = intervalMs - (clock.monotonic() - start);
      await clock.sleep(Math.max(0, wait, asked), signal);
    }
  } catch (error) {
    if (!isAbort(error, signal)) throw error;
  }
}

/** Sends one. Resolves with how many milliseconds the backend asks to wait. */
async function sendHeartbeat(
  options: HeartbeatOptions,
  health: Health,
  signal: AbortSignal,
): Promise<number> {
  const { api, token, identity, logger, onGone } = options;
  const used = token.value;
  try {
    const instance = identity();
    const answer = await api.heartbeat(instance, signal);
    await token.accepted(used);
    health.answered();
    if (answer === "alive") return 0;
    logger.warn(
      `The backend no longer has ${quoted(instance.slug)} (${instance.uuid}): registering again`,
    );
  } catch (error) {
    if (error instanceof AuthenticationError && await token.refused(used) === "changed") {
      return await sendHeartbeat(options, health, signal);
    }
    health.failed(error);
    return error instanceof BackendError ? error.retryAfterMs ?? 0 : 0;
  }
  await onGone(signal);
  return 0;
}

/** Turns the outcomes of heartbeats into log lines: one for each change, not for each heartbeat. */
class Health {
  readonly #logger: Logger;
  readonly #outage: Outage;
  #trouble: string | undefined;

  constructor({ logger, clock }: Pick<HeartbeatOptions, "logger" | "clock">) {
    this.#logger = logger;
    this.#outage = new Outage(clock);
  }

  answered(): void {
    const took = this.#outage.ended();
    if (took === undefined) return;
    this.#logger.info(`The backend accepts heartbeats again after ${timeInWords(took)}`);
    this.#trouble = undefined;
  }

  failed(error: unknown): void {
    const isRefused = error instanceof AuthenticationError;
    if (!isRefused && !(error instanceof BackendError)) throw error;
    const trouble = isRefused ? "refused" : String(error.status ?? error.message);
    const age = this.#outage.failed();
    if (trouble === this.#trouble) {
      if (age === undefined) return;
      const advice = isRefused ? error.hint : "check api_url, and the network of this computer";
      return this.#logger.warn(
        `Heartbeats still fail after ${timeInWords(age)}: ${error.message} (${advice})`,
      );
    }
    this.#trouble = trouble;
    if (isRefused) {
      this.#logger.error(
        `The heartbeat failed: ${error.message}; the node goes on and retries (${error.hint})`,
      );
    } else this.#logger.warn(`The heartbeat failed: ${error.message}`);
  }
}

/**
 * Publishes progress over the connection to the broker.
 *
 * @module
 */
import type { Command } from "../commands/command.ts";
import type { ProgressPublisher } from "../commands/progress_report.ts";
import { quoted } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { MqttConnection } from "../mqtt/connection.ts";
import { type Progress, progressMessage } from "../protocol/progress.ts";
import { progressTopic } from "../protocol/topics.ts";
import type { Clock } from "../time.ts";
import type { NodeEvents } from "./events.ts";

/** What progress is published with. */
interface ProgressPublisherOptions {
  readonly connection: Pick<MqttConnection, "publishUnacknowledged">;
  /** What stands in front of topics. */
  readonly prefix: string;
  readonly events: Pick<NodeEvents, "on">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Within this time after the first progress a broker that forbids it closes the connection. */
const CLOSING_MS = 2_000;

/** After so many closed connections in a row nothing more is published. */
const MAX_CLOSINGS = 3;

/**
 * Publishes progress. Some brokers close the connection when a user publishes on a forbidden topic:
 * as progress must not block replies, it is given up then.
 */
export class ProgressOverMqtt implements ProgressPublisher {
  readonly #options: ProgressPublisherOptions;
  /** When the first progress was published over this connection. */
  #firstAt: number | undefined;
  #lastTopic = "";
  #closings = 0;

  /** Publishes nothing yet. */
  constructor(options: ProgressPublisherOptions) {
    this.#options = options;
    options.events.on("connection", ({ isConnected }) => {
      if (!isConnected) this.#disconnected();
      // Progress that was dropped without a connection says nothing about the next one.
      this.#firstAt = undefined;
    });
  }

  publish(command: Command, progress: Progress): void {
    if (this.#closings === MAX_CLOSINGS) return;
    const { connection, prefix, clock } = this.#options;
    this.#firstAt ??= clock.monotonic();
    if (this.#hasLasted) this.#closings = 0;
    this.#lastTopic = progressTopic(prefix, command.instanceUuid);
    connection.publishUnacknowledged(this.#lastTopic, progressMessage(command, progress));
  }

  /** Whether the connection was kept although progress was published over it. */
  get #hasLasted(): boolean {
    return this.#options.clock.monotonic() - (this.#firstAt ?? Infinity) > CLOSING_MS;
  }

  #disconnected(): void {
    const isSuspect = this.#firstAt !== undefined && !this.#hasLasted;
    if (!isSuspect || this.#closings === MAX_CLOSINGS) return;
    if (++this.#closings < MAX_CLOSINGS) return;
    this.#options.logger.warn(
      `The broker closed the connection ${MAX_CLOSINGS} times after progress was published on ` +
        `${quoted(this.#lastTopic)}: none is published until the node is started again ` +
        "(let this node's user publish there)",
    );
  }
}

/**
 * When messages are acknowledged: each once it is stored, in the order in which they came, and none
 * behind one that could not be stored. Pure: the caller sends the acknowledgements.
 *
 * @module
 */

/** What a gate calls. */
interface AckGateOptions {
  /** Acknowledges these packets, in this order. */
  acknowledge(packetIds: readonly number[]): void;
  /** Called once, when all before a message that could not be stored are acknowledged. */
  onFailure(error: unknown): void;
}

interface Entry {
  /** `undefined` at QoS 0, where there is nothing to acknowledge. */
  readonly packetId: number | undefined;
  outcome?: "stored" | { readonly error: unknown };
}

/** Holds acknowledgements back. */
export class AckGate {
  readonly #options: AckGateOptions;
  /** Messages that are not acknowledged yet, oldest first. */
  readonly #entries: Entry[] = [];
  readonly #idle: (() => void)[] = [];
  #isOpen = true;
  #isScheduled = false;

  /** Makes a gate that is open. */
  constructor(options: AckGateOptions) {
    this.#options = options;
  }

  /**
   * Calls `store` at once, and acknowledges the message when that and all before it have resolved.
   * Does nothing when the gate is closed.
   */
  async pass(packetId: number | undefined, store: () => Promise<void> | void): Promise<void> {
    if (!this.#isOpen) return;
    const entry: Entry = { packetId };
    this.#entries.push(entry);
    try {
      await store();
      entry.outcome = "stored";
    } catch (error) {
      entry.outcome = { error };
    }
    this.#schedule();
  }

  /** Takes no more messages. Those it has taken are still acknowledged. */
  close(): void {
    this.#isOpen = false;
  }

  /** Resolves when nothing waits to be acknowledged. */
  drained(): Promise<void> {
    if (this.#entries.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Looks once at all that are stored together: their acknowledgements leave as one. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#advance();
    });
  }

  #advance(): void {
    const pending = this.#entries.findIndex(({ outcome }) => outcome !== "stored");
    const stored = this.#entries.splice(0, pending === -1 ? this.#entries.length : pending);
    const packetIds = stored.map(({ packetId }) => packetId).filter((id) => id !== undefined);
    if (packetIds.length > 0) this.#options.acknowledge(packetIds);
    const [first] = this.#entries;
    if (typeof first?.outcome === "object") {
      this.#isOpen = false;
      this.#entries.length = 0;
      this.#options.onFailure(first.outcome.error);
    }
    if (this.#entries.length === 0) { for (const resolve of this.#idle.splice(0)) resolve(); }
  }
}

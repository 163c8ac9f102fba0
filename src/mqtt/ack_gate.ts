/**
 * When messages are acknowledged: each once it is stored, in the order in which they came, and none
 * behind one that could not be stored. Pure: the caller sends the acknowledgements.
 *
 * @module
 */

/** What a gate calls. */
export interface AckGateOptions {
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

  /** Whether it takes messages. What comes while it does not is not to be stored. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Acknowledges a message when `stored` and all those before it have resolved. */
  async pass(packetId: number | undefined, stored: Promise<void>): Promise<void> {
    const entry: Entry = { packetId };
    this.#entries.push(entry);
    try {
      await stored;
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

/**
 * The GPUs of a program that stays loaded: it gets them before it starts, and gives them back when it
 * has ended.
 *
 * @module
 */
import { orAbort } from "../../time.ts";

/** GPUs that are given away. */
export interface GpuSource {
  /**
   * Lets a holder of an earlier node keep its GPUs; `undefined`: it may be using any of them.
   * Returns whether this node still has all of them to give.
   */
  hold(holder: string, names: readonly string[] | undefined): boolean;
  /**
   * Gives them; `undefined`: they are not free, and `onGiven` is called once the holder has them.
   */
  request(
    holder: string,
    count: number,
    onGiven: (names: readonly string[]) => void,
  ): readonly string[] | undefined;
  /** Takes back what a holder has, or waits for. */
  release(holder: string): void;
  /** The variables by which a program sees these GPUs and no others. */
  environment(names: readonly string[]): Readonly<Record<string, string>>;
}

/** How many GPUs programs get, and from where. */
export interface GpusForEach {
  readonly source: GpuSource;
  readonly count: number;
}

/** The GPUs of one program. */
export class GpuShare {
  readonly #gpus: GpusForEach | undefined;
  readonly #holder: string;
  #names: readonly string[] | undefined;
  #isWaiting = false;
  #isRight = true;

  /** `gpus` is `undefined` where none are given: then there is nothing to wait for. */
  constructor(gpus: GpusForEach | undefined, holder: string) {
    this.#gpus = gpus;
    this.#holder = holder;
  }

  /** Those that it has. */
  get names(): readonly string[] | undefined {
    return this.#names;
  }

  /** How many it gets; `undefined`: it sees what is there. */
  get count(): number | undefined {
    return this.#gpus?.count;
  }

  /** Whether it waits for them. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** Whether the GPUs that it has from an earlier node are those that it should have. */
  get isRight(): boolean {
    return this.#isRight;
  }

  /** The variables by which it sees them. */
  get env(): Readonly<Record<string, string>> {
    return this.#names === undefined ? {} : this.#gpus!.source.environment(this.#names);
  }

  /** Keeps the GPUs that an earlier node gave the program. */
  hold(names: readonly string[] | undefined): void {
    if (this.#gpus === undefined) return void (this.#isRight = names === undefined);
    const isThere = this.#gpus.source.hold(this.#holder, names);
    this.#isRight = isThere && names?.length === this.#gpus.count;
    this.#names = names;
  }

  /**
   * Takes the GPUs that it needs, unless it has them. Returns whether it has them now; if not,
   * `onTaken` is called once it has.
   */
  take(onTaken: () => void): boolean {
    if (this.#gpus === undefined || this.#names !== undefined) return true;
    if (this.#isWaiting) return false;
    const { source, count } = this.#gpus;
    this.#isRight = true;
    this.#names = source.request(this.#holder, count, (names) => {
      this.#isWaiting = false;
      this.#names = names;
      onTaken();
    });
    this.#isWaiting = this.#names === undefined;
    return !this.#isWaiting;
  }

  /** Resolves when it has what it needs. Rejects with the reason of `signal`, waiting no longer. */
  async taken(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.take(resolve)) return;
    await orAbort(promise, signal);
    if (!signal.aborted) return;
    this.release();
    signal.throwIfAborted();
  }

  /** Gives back what it has, and waits for none. */
  release(): void {
    this.#names = undefined;
    this.#isWaiting = false;
    this.#gpus?.source.release(this.#holder);
  }
}

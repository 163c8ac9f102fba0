/**
 * Which GPUs are given to which command or program. Pure: nothing here accesses a GPU.
 *
 * @module
 */
import { visibleDevices } from "./visible_devices.ts";

/** The GPUs of a node. */
interface GpuPoolOptions {
  /** Their names: numbers or UUIDs, as drivers read them from CUDA_VISIBLE_DEVICES. */
  readonly names: readonly string[];
  /** Other names of these GPUs, such as the UUID of one that is named by its number. */
  readonly aliases?: ReadonlyMap<string, string>;
  /** How many a command gets, by its kind. Default: it is given none, and sees what is there. */
  readonly needed?: Readonly<Partial<Record<string, number>>>;
}

/** A GPU, and who has it. */
export interface GpuState {
  readonly name: string;
  /** The ids of the commands, or the names of workers and servers, that have it. */
  readonly holders: readonly string[];
}

/** A program that waits for GPUs. */
interface Waiting {
  readonly holder: string;
  readonly count: number;
  readonly onGiven: (names: readonly string[]) => void;
}

/**
 * The GPUs of a node. A holder has GPUs until it gives them back. Programs that are to be loaded
 * wait in a line, and commands get what these leave.
 */
export class GpuPool {
  readonly #options: GpuPoolOptions;
  readonly #held = new Map<string, readonly string[]>();
  readonly #line: Waiting[] = [];
  #isOpen = false;

  /** Gives nothing before `open()`: first the holders of an earlier node are entered. */
  constructor(options: GpuPoolOptions) {
    this.#options = options;
  }

  /** How many there are. */
  get size(): number {
    return this.#options.names.length;
  }

  /** How many of them a command may have now. */
  get available(): number {
    const promised = this.#line.reduce((sum, { count }) => sum + count, 0);
    return this.#isOpen ? Math.max(0, this.#free.length - promised) : 0;
  }

  /** How many a command of a kind gets; `undefined`: it is given none, and sees what is there. */
  needed(kind: string): number | undefined {
    return this.#options.needed?.[kind];
  }

  /** Each GPU, and who has it. */
  states(): GpuState[] {
    return this.#options.names.map((name) => ({
      name,
      holders: [...this.#held].flatMap(([holder, names]) => names.includes(name) ? [holder] : []),
    }));
  }

  /**
   * Lets a holder of an earlier node keep its GPUs, even if another holder has them; `undefined`:
   * it may be using any of them.
   *
   * @returns whether this node still has all of them to give.
   */
  hold(holder: string, names: readonly string[] | undefined): boolean {
    const { names: all, aliases } = this.#options;
    const known = names?.map((name) => aliases?.get(name) ?? name);
    this.#held.set(holder, known ?? all);
    return known?.every((name) => all.includes(name)) ?? false;
  }

  /** From now on free GPUs are given away. */
  open(): void {
    this.#isOpen = true;
    this.#serveLine();
  }

  /** Gives a command the GPUs that it needs; `undefined`: so many are not free. */
  take(holder: string, count: number): readonly string[] | undefined {
    return count > this.available ? undefined : this.#give(holder, count);
  }

  /**
   * Gives them to a program that is to be loaded; `undefined`: it waits, and `onGiven` is called
   * when it has them.
   */
  request(
    holder: string,
    count: number,
    onGiven: (names: readonly string[]) => void,
  ): readonly string[] | undefined {
    const names = this.take(holder, count);
    if (names === undefined) this.#line.push({ holder, count, onGiven });
    return names;
  }

  /** Takes back what a holder has, or waits for. */
  release(holder: string): void {
    const index = this.#line.findIndex((waiting) => waiting.holder === holder);
    if (index !== -1) this.#line.splice(index, 1);
    this.#held.delete(holder);
    this.#serveLine();
  }

  /** The variables by which a program sees these GPUs and no others. */
  environment(names: readonly string[]): Record<string, string> {
    return visibleDevices(names);
  }

  get #free(): string[] {
    const held = new Set([...this.#held.values()].flat());
    return this.#options.names.filter((name) => !held.has(name));
  }

  #give(holder: string, count: number): readonly string[] {
    const names = this.#free.slice(0, count);
    this.#held.set(holder, names);
    return names;
  }

  #serveLine(): void {
    while (this.#isOpen && this.#line.length > 0 && this.#line[0]!.count <= this.#free.length) {
      const { holder, count, onGiven } = this.#line.shift()!;
      onGiven(this.#give(holder, count));
    }
  }
}

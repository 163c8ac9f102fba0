/** What a measure gets, and what it returns. */
import type { Mosquitto } from "../support/mosquitto.ts";
import type { Floor } from "./floors.ts";

/** Where everything runs. */
export interface Site {
  /** Saves nothing to disk. */
  readonly broker: Mosquitto;
  /** Holds everything that is written. Removed at the end: file systems are slower after removals. */
  readonly folder: string;
  /** The lock file that every program is run with. */
  readonly lock: string;
}

/** How much is measured. */
export interface Sizes {
  /** Samples of a latency. */
  readonly latencies: number;
  /** Seconds that a program takes to load its model. */
  readonly loadSeconds: number;
  /** Samples of a whole process: a start, a call of the command line. */
  readonly processes: number;
  /** Rounds of a burst. */
  readonly bursts: number;
  /** Commands that are sent at once to a node with as many places. */
  readonly atOnce: number;
  /** Commands that are sent in a row, or at once to a node with fewer places. */
  readonly queued: number;
  /** Bytes that one command prints. */
  readonly outputBytes: number;
  /** Milliseconds from the start until a node counts as idle. */
  readonly idleMs: number;
  /** Commands over which the memory's growth is measured. */
  readonly commands: number;
  /** The first ones, in which the heap grows to its working size. */
  readonly settled: number;
  /** Commands in the journal over which retention passes. */
  readonly records: number;
}

/** One line of the report. */
export interface Result {
  readonly name: string;
  readonly value: number;
  readonly unit: "ms" | "MiB" | "/s" | "loads";
  /** What the machine takes for the least that must be done, measured in turns with the value. */
  readonly floor?: { readonly value: number; readonly is: Floor };
  readonly goal?: Goal;
}

/** The most or the least that the value should be, its ratio to the floor, or what it adds to that. */
export type Goal =
  & { readonly of: "value" | "ratio" | "difference" }
  & ({ readonly atMost: number } | { readonly atLeast: number });

/** A measure that could not be taken. */
export interface Failure {
  readonly name: string;
  readonly error: string;
}

/** Takes some related measures. */
export interface Measure {
  readonly name: string;
  run(site: Site, sizes: Sizes): Promise<Result[]>;
}

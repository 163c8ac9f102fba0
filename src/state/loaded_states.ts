/**
 * The states of workers and servers: the node writes them to a file, and `ps` reads them without
 * asking the node.
 *
 * @module
 */
import * as fs from "node:fs";
import { parseState, readStateFile } from "./state_file.ts";

/** The state of a worker or server, and why it takes no commands. */
export interface LoadedState {
  readonly state: string;
  readonly reason?: string;
}

const FILE_NAME = "loaded.json";

/** Keeps the file up to date. */
export class LoadedStates {
  readonly #path: string;
  readonly #states: Record<string, LoadedState> = {};
  #written = "";

  /** Begins with nothing loaded: what an earlier node wrote is removed. */
  constructor(stateFolder: string) {
    this.#path = `${stateFolder}/${FILE_NAME}`;
    fs.rmSync(this.#path, { force: true });
  }

  /**
   * Records the state of the worker or server of a kind. Nothing depends on the file. Never throws.
   */
  note(kind: string, { state, reason }: LoadedState): void {
    // It changes with each command, and is not worth a write.
    const lasting = state === "busy" ? "ready" : state;
    this.#states[kind] = { state: lasting, ...(reason !== undefined && { reason }) };
    const text = JSON.stringify(this.#states);
    if (text === this.#written) return;
    this.#written = text;
    try {
      fs.rmSync(`${this.#path}.new`, { force: true });
      fs.writeFileSync(`${this.#path}.new`, text, { mode: 0o600, flag: "wx" });
      fs.renameSync(`${this.#path}.new`, this.#path);
    } catch {
      // A full disk: it is written at the next change.
      this.#written = "";
    }
  }
}

/** What a node wrote last, by kind of command; nothing where it cannot be read. */
export function loadedStates(stateFolder: string): Record<string, LoadedState> {
  try {
    const states = parseState(readStateFile(`${stateFolder}/${FILE_NAME}`) ?? "{}");
    return Object.fromEntries(
      Object.entries(states).flatMap(([kind, value]) => {
        const { state, reason } = (value ?? {}) as Record<string, unknown>;
        if (typeof state !== "string") return [];
        return [[kind, { state, ...(typeof reason === "string" && { reason }) }]];
      }),
    );
  } catch {
    return {};
  }
}

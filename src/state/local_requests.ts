/**
 * Requests that programs of the same user make to a node through its state folder: a file for each
 * request, in a folder that the node watches. Without a running node a request waits for the next
 * one.
 *
 * @module
 */
import * as fs from "node:fs";
import { STOP_SIGNALS, type StopSignal } from "../os/process_identity.ts";
import { replacePrivateFile } from "./private_file.ts";
import { makePrivateFolder } from "./private_folder.ts";
import { parseState, readStateFile } from "./state_file.ts";

/** A request to stop a command. */
export interface CancelRequest {
  readonly type: "cancel";
  /** The node's own id for the command. */
  readonly id: string;
  readonly signal: StopSignal;
  /** When it was asked for, in milliseconds since the epoch. */
  readonly at: number;
  /**
   * Whether the requesting program sends the signal itself, since no node runs. Default: `false`.
   */
  readonly isSent?: boolean;
}

/** A request for the status of the node. */
interface StatusRequest {
  readonly type: "status";
  /** Names the answer. */
  readonly nonce: string;
}

/** A request to a node. */
export type LocalRequest = CancelRequest | StatusRequest;

/** The requests to the node with one state folder. */
export class LocalRequests {
  /** The folder they are in. */
  readonly path: string;

  /** Reads nothing yet. */
  constructor(stateFolder: string) {
    this.path = `${stateFolder}/requests`;
  }

  /** Makes the folder. */
  create(): void {
    makePrivateFolder(this.path);
    const { uid, gid } = this.#owner();
    if (uid !== 0 && fs.statSync(this.path).uid === 0) fs.chownSync(this.path, uid, gid);
  }

  /** Makes a request. Resolves when it is on disk. */
  async ask(request: LocalRequest): Promise<void> {
    this.create();
    await this.#write(this.#fileOf(request), request);
  }

  /** The requests that are not removed yet. Anything that is not a readable request is skipped. */
  pending(): LocalRequest[] {
    return this.#names().map((name) => this.#read(name)).filter((request) => request !== undefined);
  }

  /** Whether a request still waits. */
  isPending(request: LocalRequest): boolean {
    return fs.existsSync(this.#fileOf(request));
  }

  /** Removes a request, since it is carried out. */
  remove(request: LocalRequest): void {
    fs.rmSync(this.#fileOf(request), { force: true });
  }

  /** Answers a request for the status. */
  async answer(nonce: string, answer: Record<string, unknown>): Promise<void> {
    await this.#write(this.#answerTo(nonce), answer);
  }

  /** Takes the answer to a request for the status; `undefined`: there is none yet. */
  takeAnswer(nonce: string): Record<string, unknown> | undefined {
    const path = this.#answerTo(nonce);
    const text = readStateFile(path);
    if (text === undefined) return undefined;
    fs.rmSync(path, { force: true });
    return parseState(text);
  }

  /** Removes the requests and answers of programs that no longer wait for them. */
  removeOld(): void {
    for (const name of this.#names()) {
      if (!name.startsWith("cancel-")) fs.rmSync(`${this.path}/${name}`, { force: true });
    }
  }

  #names(): string[] {
    try {
      const found = fs.readdirSync(this.path, { withFileTypes: true });
      return found.filter((entry) => entry.isFile()).map(({ name }) => name).sort();
    } catch {
      return [];
    }
  }

  #read(name: string): LocalRequest | undefined {
    const [, type, id = ""] = /^(cancel|status)-([\w-]+)\.json$/.exec(name) ?? [];
    if (type === undefined) return undefined;
    if (type === "status") return { type, nonce: id };
    try {
      const { signal, at, isSent } = parseState(readStateFile(`${this.path}/${name}`) ?? "");
      const known = STOP_SIGNALS.find((name) => name === signal);
      return known === undefined
        ? undefined
        : { type: "cancel", id, signal: known, at: Number(at), ...(isSent === true && { isSent }) };
    } catch {
      return undefined;
    }
  }

  #fileOf(request: LocalRequest): string {
    const name = request.type === "cancel" ? request.id : request.nonce;
    return `${this.path}/${request.type}-${name}.json`;
  }

  #answerTo(nonce: string): string {
    return `${this.path}/answer-${nonce}.json`;
  }

  async #write(path: string, content: object): Promise<void> {
    await replacePrivateFile(path, `${JSON.stringify(content)}\n`, this.#owner());
  }

  /**
   * The owner of the state folder, as whom the node runs and who must be able to read the requests
   * of root.
   */
  #owner(): fs.Stats {
    return fs.statSync(`${this.path}/..`);
  }
}

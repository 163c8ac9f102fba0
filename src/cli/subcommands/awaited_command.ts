/**
 * A command that `run` waits for: its state, and what it prints.
 *
 * @module
 */
import type { CloudNodeClient } from "../../cloud_node_client.ts";
import { History } from "../../journal/history.ts";
import type { CommandRecord } from "../../journal/record.ts";
import { systemClock } from "../../time.ts";
import { WorkloadFolder } from "../../workloads/folder.ts";
import { inLikelyOrder } from "../../workloads/mirror.ts";
import { ShownOutput } from "../terminal/shown_output.ts";
import type { Spinner } from "../terminal/spinner.ts";

/** How often the journal of a node on this computer is read. It costs that node nothing. */
const LOCAL_INTERVAL_MS = 250;

/** How often a node elsewhere is asked. */
const REMOTE_INTERVAL_MS = 5_000;

/** Follows a command until `signal` aborts. Never rejects. */
export interface Followed {
  follow(signal: AbortSignal): Promise<void>;
  /** Shows the rest of its output. Returns whether that is all that its reply contains. */
  end(): boolean;
}

/** A command of a node on this computer, observed in its state folder. */
export class LocalCommand implements Followed {
  readonly #stateFolder: string;
  readonly #requestId: string;
  readonly #spinner: Spinner;
  readonly #showsOutput: boolean;
  #outputs: readonly ShownOutput[] = [];
  #id: string | undefined;

  /** Looks for the command with this request id; `showsOutput`: what it prints is shown. */
  constructor(stateFolder: string, requestId: string, spinner: Spinner, showsOutput: boolean) {
    this.#stateFolder = stateFolder;
    this.#requestId = requestId;
    this.#spinner = spinner;
    this.#showsOutput = showsOutput;
  }

  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#look();
      await systemClock.sleep(LOCAL_INTERVAL_MS, signal).catch(() => {});
    }
  }

  end(): boolean {
    const record = this.#look();
    for (const output of this.#outputs) output.end();
    const [stdout, stderr] = this.#outputs;
    if (record?.end?.cause !== "exited" || stdout === undefined) return false;
    return record.end.exitCode === 0 ? stdout.exists : stderr!.position > 0;
  }

  #look(): CommandRecord | undefined {
    let record: CommandRecord | undefined;
    try {
      using history = History.open(this.#stateFolder);
      record = history?.find(this.#requestId);
      if (record?.state === "queued") this.#spinner.say(waiting(record, history!.list(0)));
    } catch {
      // Nothing is shown of a journal that cannot be read; the reply comes all the same.
    }
    if (record === undefined || record.state === "queued") return record;
    if (record.state === "running") this.#spinner.say(`${record.kind} is running`);
    if (this.#showsOutput) this.#show(record.id);
    return record;
  }

  #show(id: string): void {
    if (this.#id === undefined) {
      this.#id = id;
      const folder = new WorkloadFolder(`${this.#stateFolder}/workloads/${id}`);
      this.#outputs = (["stdout", "stderr"] as const)
        .map((stream) => new ShownOutput(folder, stream, stream));
    }
    for (const output of inLikelyOrder(this.#outputs)) {
      output.show(Infinity, () => this.#spinner.clear());
    }
    this.#spinner.isHeld = this.#outputs.some((output) => output.isInLine);
  }
}

function waiting({ id, kind }: CommandRecord, unfinished: readonly CommandRecord[]): string {
  const queue = unfinished.filter((other) => other.state === "queued" && other.kind === kind);
  const ahead = queue.findIndex((other) => other.id === id);
  return ahead <= 0 ? `${kind} is next in the queue` : `${kind} waits, ${ahead} before it`;
}

/** A command of a node elsewhere, which is asked for its status. */
export class RemoteCommand implements Followed {
  readonly #client: CloudNodeClient;
  readonly #requestId: string;
  readonly #spinner: Spinner;

  /** Asks for the command with this request id. */
  constructor(client: CloudNodeClient, requestId: string, spinner: Spinner) {
    this.#client = client;
    this.#requestId = requestId;
    this.#spinner = spinner;
  }

  async follow(signal: AbortSignal): Promise<void> {
    // Only who looks at a terminal wants to know.
    while (this.#spinner.isShown && !signal.aborted) {
      await systemClock.sleep(REMOTE_INTERVAL_MS, signal).catch(() => {});
      if (!signal.aborted) await this.#ask(signal).catch(() => {});
    }
  }

  end(): boolean {
    return false;
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const { workloads, queued } = await this.#client.status({ signal });
    const own = workloads.find(({ requestId }) => requestId === this.#requestId);
    this.#spinner.say(
      own === undefined ? `waiting, with ${queued} in the queue` : `${own.kind} is running`,
    );
  }
}

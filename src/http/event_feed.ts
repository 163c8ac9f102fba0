/**
 * The events of a node as server-sent events, which readers can resume after a lost connection.
 *
 * @module
 */
import type { CommandInfo } from "../commands/command.ts";
import type { NodeEventMap, NodeEventName, NodeEvents } from "../node/events.ts";
import { resourcesJson } from "../protocol/resources.ts";
import { type Clock, isoTime } from "../time.ts";

/** What a feed is made from. */
interface EventFeedParts {
  readonly events: Pick<NodeEvents, "on">;
  readonly clock: Pick<Clock, "now" | "sleep">;
}

/** How much is kept for readers that resume. */
const MAX_KEPT = { events: 1_000, bytes: 512 * 1024 };

/** A reader with more unread bytes than this is disconnected. */
const MAX_UNREAD_BYTES = 1024 * 1024;

const MAX_READERS = 32;

/**
 * How often readers get a comment while there are no events, so that they notice a lost connection.
 */
const HEARTBEAT_MS = 15_000;

/** How long events are kept without a reader. */
const KEEP_MS = 60_000;

/** How long a reader waits before it reconnects. */
const RETRY_MS = 2_000;

/** An event as it is sent. */
interface KeptEvent {
  readonly number: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

type Reader = ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;

const encoder = new TextEncoder();

/** The events of a node, kept while there is a reader and for a minute after that. */
export class EventFeed implements Disposable {
  readonly #parts: EventFeedParts;
  readonly #readers = new Set<Reader>();
  readonly #kept: KeptEvent[] = [];
  #keptBytes = 0;
  /** Names this feed in the ids of events, so that the numbers of two feeds are not confused. */
  #name = "";
  #last = 0;
  /** Stops listening; `undefined` while nothing is kept. */
  #listeners: (() => void)[] | undefined;
  #timer: AbortController | undefined;

  /** Listens to nothing before the first reader comes. */
  constructor(parts: EventFeedParts) {
    this.#parts = parts;
  }

  /**
   * A stream of the events since `lastId`, and from now on. It begins with a `reset` if the events
   * since `lastId` are no longer known. `undefined`: there are too many readers.
   */
  open(lastId: string | undefined): ReadableStream<Uint8Array<ArrayBuffer>> | undefined {
    if (this.#readers.size === MAX_READERS) return undefined;
    let reader: Reader;
    const size = ({ length }: Uint8Array) => length;
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        reader = controller;
        this.#add(reader, lastId);
      },
      cancel: () => this.#remove(reader),
    }, { highWaterMark: MAX_UNREAD_BYTES, size });
  }

  /** Ends all streams. */
  [Symbol.dispose](): void {
    for (const reader of this.#readers) reader.close();
    this.#readers.clear();
    this.#timer?.abort();
    this.#forget();
  }

  #add(reader: Reader, lastId: string | undefined): void {
    if (this.#listeners === undefined) this.#listen();
    this.#readers.add(reader);
    if (this.#readers.size === 1) this.#schedule(HEARTBEAT_MS, () => this.#beat());
    const missed = lastId === undefined ? [] : this.#since(lastId);
    // Clients remember an id without data, and report no event.
    const id = this.#idOf(this.#last - (missed?.length ?? 0));
    reader.enqueue(encoder.encode(`retry: ${RETRY_MS}\nid: ${id}\n\n`));
    if (missed === undefined) reader.enqueue(encoder.encode("event: reset\ndata: {}\n\n"));
    for (const { bytes } of missed ?? []) reader.enqueue(bytes);
  }

  #remove(reader: Reader): void {
    this.#readers.delete(reader);
    if (this.#readers.size === 0) this.#schedule(KEEP_MS, () => this.#forget());
  }

  /** The events since an event; `undefined`: they are not known. */
  #since(id: string): KeptEvent[] | undefined {
    const [, name, digits] = /^(.+)-(\d{1,15})$/.exec(id) ?? [];
    const after = Number(digits);
    const first = this.#last - this.#kept.length;
    if (name !== this.#name || after < first || after > this.#last) return undefined;
    return this.#kept.filter(({ number }) => number > after);
  }

  #listen(): void {
    this.#name = crypto.getRandomValues(new Uint8Array(6)).toHex();
    const names = Object.keys(VIEWS) as NodeEventName[];
    this.#listeners = names.map((name) => this.#on(name));
  }

  #on<Name extends NodeEventName>(name: Name): () => void {
    return this.#parts.events.on(name, (detail) => this.#take(name, VIEWS[name](detail)));
  }

  #forget(): void {
    for (const stop of this.#listeners ?? []) stop();
    this.#listeners = undefined;
    this.#kept.length = 0;
    this.#keptBytes = 0;
  }

  #take(name: NodeEventName, view: Record<string, unknown>): void {
    const number = ++this.#last;
    const data = JSON.stringify({ at: isoTime(this.#parts.clock.now()), ...view });
    const bytes = encoder.encode(`id: ${this.#idOf(number)}\nevent: ${name}\ndata: ${data}\n\n`);
    this.#kept.push({ number, bytes });
    this.#keptBytes += bytes.length;
    while (this.#kept.length > MAX_KEPT.events || this.#keptBytes > MAX_KEPT.bytes) {
      this.#keptBytes -= this.#kept.shift()!.bytes.length;
    }
    this.#send(bytes);
  }

  #beat(): void {
    this.#send(encoder.encode(":\n\n"));
    this.#schedule(HEARTBEAT_MS, () => this.#beat());
  }

  #send(bytes: Uint8Array<ArrayBuffer>): void {
    for (const reader of this.#readers) {
      if (reader.desiredSize! > 0) {
        reader.enqueue(bytes);
        continue;
      }
      // It reconnects and gets what it has missed.
      reader.error(new Error("The reader is too slow"));
      this.#remove(reader);
    }
  }

  /** Calls `then` after a while, instead of what was scheduled before. */
  #schedule(ms: number, then: () => void): void {
    this.#timer?.abort();
    const timer = this.#timer = new AbortController();
    this.#parts.clock.sleep(ms, timer.signal).then(then, () => {});
  }

  #idOf(number: number): string {
    return `${this.#name}-${number}`;
  }
}

type Views = {
  readonly [Name in NodeEventName]: (detail: NodeEventMap[Name]) => Record<string, unknown>;
};

/** What is shown of each event. What is not known is `null`, as elsewhere. */
const VIEWS: Views = {
  ready: ({ uuid, slug }) => ({ uuid, slug }),
  connection: ({ isConnected }) => ({ is_connected: isConnected }),
  draining: () => ({}),
  executor: ({ kind, state, reason }) => ({ kind, state, reason: reason ?? null }),
  heartbeat: () => ({}),
  accepted: ({ command }) => commandView(command),
  started: ({ command, pid, queuedSeconds }) => ({
    ...commandView(command),
    pid: pid ?? null,
    queued_seconds: queuedSeconds,
  }),
  progress: ({ command, progress }) => ({ ...commandView(command), progress }),
  ended: ({ command, outcome: { status, end }, seconds }) => ({
    ...commandView(command),
    status,
    cause: end.cause,
    exit_code: end.exitCode ?? null,
    signal: end.signal ?? null,
    oom_kill: end.oomKill ?? null,
    resources: resourcesJson(end.resources) ?? null,
    seconds,
  }),
  replied: ({ command }) => commandView(command),
};

function commandView({ id, kind, requestId, workloadUuid }: CommandInfo): Record<string, unknown> {
  return { id, kind, request_id: requestId ?? null, workload_uuid: workloadUuid ?? null };
}

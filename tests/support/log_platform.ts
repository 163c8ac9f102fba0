/** A platform that takes logs over HTTP, and a log stream that sends them from files. */
import { RestBackend } from "../../src/backend/rest_backend.ts";
import { LineBuffer, type LineBufferLimits } from "../../src/logs/line_buffer.ts";
import { LogStream } from "../../src/logs/log_stream.ts";
import { WorkloadOutput } from "../../src/logs/workload_output.ts";
import { RecordingLogger } from "./events.ts";
import { message, newCommand, processHandle, SUCCESS, TestJournal } from "./journal.ts";

const RUNNING = processHandle({ pid: 7, startTime: "1", bootId: "b" });

/** What a node sent in one call. */
export interface LogCall {
  readonly path: string;
  readonly log_type: string;
  readonly log_content: string;
}

/** Takes logs. */
export class LogPlatform implements AsyncDisposable {
  /** What was acknowledged, in order. */
  readonly calls: LogCall[] = [];
  /** How many calls came, acknowledged or not. */
  attempts = 0;
  /** How calls are answered. */
  answer: (content: string) => Response | Promise<Response> = () =>
    Response.json({ success: true });
  readonly #stop = new AbortController();
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, signal: this.#stop.signal, onListen() {} },
    (request) => this.#handle(request),
  );

  /** A client of it. */
  get api(): RestBackend {
    return new RestBackend({
      apiUrl: `http://127.0.0.1:${this.#server.addr.port}`,
      token: "test-token",
    });
  }

  /** All that was acknowledged of one type, joined. */
  text(type: "stdout" | "stderr" | "system" = "stdout"): string {
    return this.calls.filter(({ log_type }) => log_type === type)
      .map(({ log_content }) => log_content).join("");
  }

  async #handle(request: Request): Promise<Response> {
    this.attempts++;
    const { log_type, log_content } = await request.json();
    const response = await this.answer(log_content);
    const { pathname } = new URL(request.url);
    if (response.ok) this.calls.push({ path: pathname, log_type, log_content });
    return response;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#server.finished;
  }
}

/** How long the stream of these tests waits between two looks. */
export const INTERVAL_MS = 3_000;

/** A node's log stream over a real journal, real files and a real connection. */
export class Streaming implements AsyncDisposable {
  readonly platform = new LogPlatform();
  readonly store = new TestJournal();
  readonly clock = this.store.clock;
  readonly logger = new RecordingLogger();
  lines!: LineBuffer;
  stream!: LogStream;
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  /** Starts a stream. */
  constructor(limits?: LineBufferLimits) {
    this.#start(limits);
  }

  /** Starts a workload. */
  begin(id: string): void {
    this.store.journal.accept(newCommand(id, { requestId: id }), RUNNING);
    Deno.mkdirSync(this.folderOf(id));
  }

  /** Has a workload print something. */
  print(id: string, printed: string | Uint8Array, stream: "stdout" | "stderr" = "stdout"): void {
    const bytes = typeof printed === "string" ? new TextEncoder().encode(printed) : printed;
    Deno.writeFileSync(`${this.folderOf(id)}/${stream}.log`, bytes, { append: true });
  }

  /** Ends a workload. */
  end(id: string): void {
    this.store.journal.end(id, SUCCESS, [message(id)]);
  }

  /** Where the files of a workload are. */
  folderOf(id: string): string {
    return `${this.store.folder}/${id}`;
  }

  /** The ids of the workloads whose output was not sent to its end. */
  unsent(): string[] {
    return this.store.journal.logPositions.unsent(0, 1_000).map(({ id }) => id);
  }

  /** Resolves when the stream has looked at once and waits for its interval. */
  async looked(): Promise<void> {
    await this.clock.sleeping();
  }

  /** Lets the interval pass, or the wait after a failure, and resolves when the stream waits again. */
  async look(): Promise<void> {
    await this.clock.advance(await this.clock.sleeping());
    await this.clock.sleeping();
  }

  /** Ends the stream as a crash would: without a last try. */
  async crash(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** A new node with what the earlier one left. */
  async restart(): Promise<void> {
    await this.crash();
    this.store.restart();
    this.#start();
  }

  #start(limits?: LineBufferLimits): void {
    const { clock, logger, store, platform } = this;
    this.#stop = new AbortController();
    this.lines = new LineBuffer(limits);
    this.stream = new LogStream({
      api: platform.api,
      identity: () => ({ uuid: "u-1", slug: "my-node" }),
      output: new WorkloadOutput({
        store: store.journal.logPositions,
        smallOf: (id) => store.journal.outputs.of(id),
        fileOf: (id, stream) => `${this.folderOf(id)}/${stream}.log`,
        nameOf: ({ kind, requestId }) => `${kind} ${requestId}`,
        logger,
      }),
      lines: this.lines,
      intervalMs: INTERVAL_MS,
      clock,
      logger,
    });
    this.#running = this.stream.run(this.#stop.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.crash();
    await this.platform[Symbol.asyncDispose]();
    this.store[Symbol.dispose]();
  }
}

/**
 * A command that a server runs.
 *
 * @module
 */
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { StopSignal } from "../../os/process_identity.ts";
import { backoff, type Clock, within } from "../../time.ts";
import type { Execution, Exit, Handle, Work } from "../executor.ts";
import type { SmallOutput } from "../../workloads/folder.ts";
import { OutputBuffer } from "../../workloads/output_buffer.ts";
import { AnswerBody } from "./answer_body.ts";
import { binaryExtension, binaryOutput } from "./binary_answer.ts";
import { exchange, ExchangeError, type HttpRequest } from "./exchange.ts";
import type { Span } from "./member_finder.ts";
import { type Preset, requestBody, type RequestTarget } from "./preset.ts";
import { retryAfterMs } from "../../protocol/retry_after.ts";
import { verdictOn } from "./server_answer.ts";
import { type ManagedServer, ServerUnavailableError } from "./managed_server.ts";

/** What a command needs of its server. */
export interface ServerSide {
  readonly url: string;
  readonly preset: Preset;
  readonly wrap: string | undefined;
  readonly unwrap: string | undefined;
  /** Whether it may run several commands at a time. */
  readonly isShared: boolean;
  readonly server: Pick<
    ManagedServer,
    "pid" | "untilReady" | "untilFree" | "whyClosed" | "kill" | "answered"
  >;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random?: () => number;
  /** The headers of the request for a command. */
  headersFor(work: Work): Readonly<Record<string, string>>;
}

/** The waits before a command is sent again that the server had no room for, in milliseconds. */
const BUSY = { min: 200, max: 5_000 };

/** How long a cancel request may take, in milliseconds. */
const CANCEL_MS = 5_000;

/** How often a cancel request is sent until the server knows the command, and the wait between them. */
const CANCEL_CALLS = 10;
const CANCEL_WAIT_MS = 100;

/** A command that a server runs, from the request to the answer. */
export class ServerExecution implements Execution {
  readonly handle: Handle;
  /** The answer comes over this node's connection, so no other node can receive it. */
  readonly endsWithNode = true;
  readonly started: Promise<Handle>;
  readonly exit: Promise<Exit>;
  readonly #work: Work;
  readonly #side: ServerSide;
  readonly #sending = Promise.withResolvers<Handle>();
  readonly #detached = new AbortController();
  /** Aborts when the connection is to be closed. */
  readonly #closing = new AbortController();
  /** Aborts when there is an answer, or none is expected any more. */
  readonly #over = new AbortController();
  #stopping: Promise<void> | undefined;
  #signal: StopSignal | undefined;
  #killing: Promise<void> | undefined;
  readonly #output: OutputBuffer;
  #startedAt: number | undefined;
  /** A note for the reply to a command that was killed. */
  #note: string | undefined;

  /** Sends the command. */
  constructor(handle: Handle, work: Work, side: ServerSide) {
    this.#output = new OutputBuffer(work.folder);
    this.handle = handle;
    this.#work = work;
    this.#side = side;
    this.started = this.#sending.promise;
    this.exit = this.#run();
  }

  get pid(): number | undefined {
    return this.#side.isShared ? undefined : this.#side.server.pid;
  }

  get sharedPid(): number | undefined {
    return this.#side.isShared ? this.#side.server.pid : undefined;
  }

  get output(): SmallOutput {
    return this.#output.small;
  }

  get ageMs(): number {
    return this.#startedAt === undefined ? 0 : this.#side.clock.monotonic() - this.#startedAt;
  }

  stop(signal: StopSignal): void {
    this.#signal ??= signal;
    if (signal === "SIGKILL") this.#killing ??= this.#kill();
    else this.#stopping ??= this.#cancel();
  }

  detach(): void {
    this.#detached.abort();
    this.#closing.abort();
    this.#over.abort();
  }

  async #run(): Promise<Exit> {
    let exit: Exit;
    try {
      exit = await this.#exchange();
    } catch (error) {
      exit = await this.#withoutAnswer(error);
    }
    if (this.#detached.signal.aborted) return await new Promise(() => {});
    this.#over.abort();
    await this.#killing;
    if (exit.type !== "answered") this.#output[Symbol.dispose]();
    return exit.type === "failed" ? { ...exit, output: this.#output.end() } : exit;
  }

  /** Sends the command until the server takes it. */
  async #exchange(): Promise<Exit> {
    const { preset, url, clock, logger } = this.#side;
    const { signal } = this.#closing;
    this.#writeFiles();
    const request = this.#request(preset.send(url, this.handle.attempt.replaceAll("-", "")));
    for (let attempt = 0;; attempt++) {
      await this.#side.server.untilReady(signal);
      using body = new AnswerBody(this.#work.folder);
      let wait: number | undefined;
      try {
        const head = await exchange(request, {
          signal,
          onSending: () => this.#sent(),
          onBody: (bytes) => body.add(bytes),
        });
        const answer = {
          ...head,
          members: body.members,
          size: body.size,
          read: (start: number, end: number) => body.read(start, end),
        };
        const verdict = verdictOn(answer, preset, this.#side.unwrap ?? preset.unwrap);
        if (verdict.type !== "busy") this.#side.server.answered();
        if (verdict.type === "failed") return { type: "failed", error: verdict.error };
        if (verdict.type === "ok") {
          const type = head.header("content-type") ?? "";
          for (const piece of this.#pieces(body, verdict, type)) {
            this.#output.write("stdout", piece);
          }
          return { type: "answered", output: this.#output.end() };
        }
        wait = retryAfterMs(head.header("retry-after") ?? null, clock.now());
      } catch (error) {
        if (!(error instanceof ExchangeError) || error.sent) throw error;
        logger.info(`Cannot reach ${url}: ${error.message}; retrying`);
      }
      await clock.sleep(wait ?? backoff(attempt, BUSY, this.#side.random) + BUSY.min, signal);
    }
  }

  /** How a command ends that got no answer. */
  async #withoutAnswer(error: unknown): Promise<Exit> {
    const { signal } = this.#closing;
    if (signal.aborted) {
      await this.#stopping;
      const signal = this.#signal ?? "SIGTERM";
      return { type: "killed", signal, ...(this.#note !== undefined && { note: this.#note }) };
    }
    if (error instanceof ServerUnavailableError) return { type: "not_started", why: error.message };
    if (!(error instanceof ExchangeError)) {
      return { type: "failed", error: `The answer cannot be kept: ${messageOf(error)}` };
    }
    const why = await this.#side.server.whyClosed();
    const what = why ?? `The connection to the server ended without an answer: ${error.message}`;
    return { type: "failed", error: `${what}. The command may have run, and is not sent again` };
  }

  /** The output in a body of this type, piece by piece. */
  #pieces(body: AnswerBody, span: Span, type: string): Iterable<Uint8Array> {
    const pieces = body.output(span, /json/i.test(type));
    const extension = binaryExtension(type);
    if (extension === undefined) return pieces;
    return binaryOutput(pieces, extension, this.#work.env.CYBERWAVE_RESULTS_FOLDER);
  }

  #request(target: RequestTarget): HttpRequest {
    const { preset, wrap = preset.wrap } = this.#side;
    const body = requestBody(this.#work.params, wrap);
    return { ...target, headers: this.#side.headersFor(this.#work), body };
  }

  #sent(): void {
    this.#startedAt ??= this.#side.clock.monotonic();
    this.#sending.resolve(this.handle);
  }

  #writeFiles(): void {
    const { folder, files } = this.#work;
    if (files.length === 0) return;
    folder.create();
    for (const file of files) folder.write(file);
  }

  /** Asks the server to cancel; where it cannot, closes the connection and waits until it is free. */
  async #cancel(): Promise<void> {
    const { preset, url, logger } = this.#side;
    const target = this.#startedAt === undefined
      ? undefined
      : preset.cancel?.(url, this.handle.attempt.replaceAll("-", ""));
    if (target !== undefined && await this.#cancelBy(target)) return;
    this.#closing.abort();
    if (this.#startedAt === undefined) return;
    try {
      await this.#side.server.untilFree(this.#over.signal);
    } catch (error) {
      if (!this.#over.signal.aborted) logger.warn(`Cannot ask ${url}: ${messageOf(error)}`);
    }
  }

  /** Whether the server has cancelled the command. It may not know that yet, just after it was sent. */
  async #cancelBy(target: RequestTarget): Promise<boolean> {
    for (let call = 0; call < CANCEL_CALLS && !this.#over.signal.aborted; call++) {
      if (call > 0) {
        await this.#side.clock.sleep(CANCEL_WAIT_MS, this.#over.signal).catch(() => {});
      }
      const status = await this.#call(target);
      if (status !== 404) return status !== undefined && status < 300;
    }
    return this.#over.signal.aborted;
  }

  /** The status with which the server answers a call. */
  async #call(target: RequestTarget): Promise<number | undefined> {
    const { clock, logger } = this.#side;
    let status: number | undefined;
    await within(CANCEL_MS, clock, async (tooLate) => {
      const signal = AbortSignal.any([tooLate, this.#over.signal]);
      const headers = this.#side.headersFor(this.#work);
      try {
        ({ status } = await exchange({ ...target, headers }, { signal, onBody: () => {} }));
      } catch (error) {
        if (!this.#over.signal.aborted) {
          logger.warn(`Cannot cancel by ${target.url}: ${messageOf(error)}`);
        }
      }
    });
    return status;
  }

  async #kill(): Promise<void> {
    this.#signal = "SIGKILL";
    const isEnded = await this.#side.server.kill();
    this.#note = isEnded
      ? "its server took no notice of that, and was killed and started again"
      : "its server may still work on it";
    this.#closing.abort();
    this.#over.abort();
  }
}

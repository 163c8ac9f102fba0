/**
 * A trace for each command, written when the broker has its reply: all of it from the journal, so that
 * a restart in between leaves no gap.
 *
 * @module
 */
import type { OtlpTarget } from "../config/otlp.ts";
import type { Journal } from "../journal/journal.ts";
import { NO_TOPIC } from "../journal/messages.ts";
import { type Logger, redact } from "../log.ts";
import { traceVariables } from "../protocol/trace_context.ts";
import type { Clock } from "../time.ts";
import { type CommandTrace, spansOf, traceOf, workContext } from "./command_spans.ts";
import { SpanExporter } from "./span_exporter.ts";

/** An event of a command. */
interface CommandEvent {
  readonly command: { readonly id: string };
}

/** What traces are made with. */
interface CommandTracesParts {
  readonly target: OtlpTarget;
  readonly journal: Pick<Journal, "find" | "traceContexts" | "messages">;
  readonly events: {
    on(name: "ended" | "replied", listener: (event: CommandEvent) => void): () => void;
  };
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The traces of a node's commands. */
export class CommandTraces implements AsyncDisposable {
  readonly #parts: CommandTracesParts;
  readonly #exporter: SpanExporter;
  /** The commands that have ended and whose first reply is not delivered yet. */
  readonly #owed: Set<string>;
  readonly #listeners: readonly (() => void)[];

  /** Listens from now on. */
  constructor(parts: CommandTracesParts) {
    const { journal, events, clock } = parts;
    this.#parts = parts;
    this.#exporter = new SpanExporter(parts);
    // What an earlier node has left to deliver.
    this.#owed = new Set(journal.messages.pendingCommands());
    this.#listeners = [
      events.on("ended", ({ command }) => this.#ended(command.id)),
      events.on("replied", ({ command }) => {
        // A reply is sent again when the command is.
        if (this.#owed.delete(command.id)) this.#write(command.id, clock.now());
      }),
    ];
  }

  /** The variables in which the work of a command finds its trace. */
  variablesFor(commandId: string): Record<string, string> {
    return traceVariables(workContext(commandId, this.#traceOf(commandId)));
  }

  /** Writes no more, and sends what waits, within a second. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const stop of this.#listeners) stop();
    await this.#exporter[Symbol.asyncDispose]();
  }

  /** The reply to a command that came over HTTP counts as delivered at its end. */
  #ended(commandId: string): void {
    const { journal, clock } = this.#parts;
    if (journal.find(commandId)?.replyTopic === NO_TOPIC) this.#write(commandId, clock.now());
    else this.#owed.add(commandId);
  }

  #traceOf(commandId: string): CommandTrace {
    const { journal, target: { sampler } } = this.#parts;
    return traceOf(commandId, journal.traceContexts.of(commandId), sampler);
  }

  #write(commandId: string, repliedAt: number): void {
    const trace = this.#traceOf(commandId);
    const command = trace.isSampled ? this.#parts.journal.find(commandId) : undefined;
    if (command === undefined) return;
    const { requestId } = command;
    // Its sender chose it, so it may be anything.
    const shown = { ...command, requestId: requestId && redact(requestId) };
    this.#exporter.add(spansOf(shown, trace, repliedAt));
  }
}

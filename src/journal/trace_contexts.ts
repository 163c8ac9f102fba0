/**
 * The traces that commands came with.
 *
 * @module
 */
import { readTraceContext, type TraceContext, traceHeaders } from "../protocol/trace_context.ts";
import type { Statements } from "./statements.ts";

/** The table of trace contexts. */
export class TraceContexts {
  readonly #statements: Statements;

  /** Reads and writes the table in the journal's database. */
  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /** Stores what a command came with. */
  add(commandId: string, context: TraceContext): void {
    const { traceparent, tracestate } = traceHeaders(context);
    this.#statements.run(
      "INSERT INTO trace_contexts (command_id, traceparent, tracestate) VALUES (?, ?, ?)",
      commandId,
      traceparent,
      tracestate ?? null,
    );
  }

  /** What a command came with; `undefined`: without any. */
  of(commandId: string): TraceContext | undefined {
    const sql = "SELECT traceparent, tracestate FROM trace_contexts WHERE command_id = ?";
    return readTraceContext(this.#statements.get(sql, commandId));
  }
}

/**
 * The traces of a node, if its environment asks for any.
 *
 * @module
 */
import { readOtlp } from "../../config/otlp.ts";
import type { Journal } from "../../journal/journal.ts";
import type { Logger } from "../../log.ts";
import type { CommandTraces } from "../../tracing/command_traces.ts";
import type { Clock } from "../../time.ts";
import type { NodeEvents } from "../events.ts";

/** What traces are made from. */
interface TracedNode {
  readonly env: Readonly<Record<string, string>>;
  readonly journal: Journal;
  readonly events: NodeEvents;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Makes the traces, whose code is loaded only if they are on; `undefined`: they are off. */
export async function createTraces(node: TracedNode): Promise<CommandTraces | undefined> {
  const { target, problems } = readOtlp(node.env);
  for (const problem of problems) node.logger.warn(problem);
  if (target === undefined) return undefined;
  const { CommandTraces } = await import("../../tracing/command_traces.ts");
  return new CommandTraces({ ...node, target });
}

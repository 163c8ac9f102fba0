/**
 * Templates that are no shell command but the name of a Python file: the node imports it and calls a
 * function.
 *
 * @module
 */
import type { WorkloadKind } from "../../protocol/kinds.ts";

/** The function of a Python file that is called for each kind of command. */
export const FUNCTIONS: Readonly<Record<WorkloadKind, string>> = {
  inference: "infer",
  training: "train",
  simulate: "simulate",
};

/** The Python file that a template names; `undefined`: it is a shell command. */
export function moduleIn(template: string): string | undefined {
  const [word] = /^[\w@%+=:,./-]+\.py$/.exec(template.trim()) ?? [];
  return word;
}

/**
 * Has a shell check the syntax of a command.
 *
 * @module
 */
import { shellSource } from "../executors/process/template.ts";
import { askShell } from "../os/ask_shell.ts";
import type { Host } from "../os/processes.ts";

/** What a shell reports about a command that it only read. */
interface SyntaxReview {
  /** What keeps it from running the command. */
  readonly problem?: string;
  /** What it found odd. */
  readonly warning?: string;
}

/** Has the shell read a template, or any other command, without running any of it. */
export async function reviewSyntax(
  command: string,
  shell: Host["shell"],
): Promise<SyntaxReview> {
  // A command may turn these patterns on before it uses them, which one that only reads misses.
  const options = shell === "bash" ? ["-O", "extglob"] : [];
  const source = shellSource(command);
  const { code, stderr } = await askShell(shell, [...options, "-n", "-c", source]);
  const message = messageIn(stderr);
  if (code !== 0) return { problem: message || `${shell} refuses it with code ${code}` };
  return message === "" ? {} : { warning: message };
}

/** The first line of a shell's error, without the name of the shell: `line 2: syntax error`. */
function messageIn(stderr: string): string {
  const [first = ""] = stderr.split("\n");
  return first
    .replace(/^\S+: (-c: )?(warning: )?/, "")
    .replace(/^(\d+): /, "line $1: ")
    .trim();
}

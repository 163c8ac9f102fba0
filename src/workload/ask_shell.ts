/**
 * Questions to a shell: short programs whose answer is wanted, rather than work.
 *
 * @module
 */
import type { Host } from "./processes.ts";
import { shellSource } from "./shim.ts";

/** The exit code when there is no such program, or no shell to look for it. */
export const NO_SUCH_PROGRAM = 127;

/** How a program answered. */
export interface ShellAnswer {
  /** Its exit code. */
  readonly code: number;
  /** What it printed to standard output. */
  readonly stdout: string;
  /** What it printed to standard error. */
  readonly stderr: string;
}

/** Runs a shell with these arguments. It is killed when `signal` aborts. */
export async function askShell(
  shell: Host["shell"],
  args: readonly string[],
  signal?: AbortSignal,
): Promise<ShellAnswer> {
  const command = new Deno.Command(shell, {
    args: [...args],
    env: { LC_ALL: "C" },
    stdin: "null",
    signal,
  });
  try {
    const { code, stdout, stderr } = await command.output();
    const text = new TextDecoder();
    return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { code: NO_SUCH_PROGRAM, stdout: "", stderr: `${shell}: not found` };
  }
}

/** What a shell has to say about a command that it only read. */
export interface SyntaxReview {
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
  const said = complaint(stderr);
  if (code !== 0) return { problem: said || `${shell} refuses it with code ${code}` };
  return said === "" ? {} : { warning: said };
}

/** The first line of a shell's complaint, without the name of the shell: `line 2: syntax error`. */
function complaint(stderr: string): string {
  const [first = ""] = stderr.split("\n");
  return first
    .replace(/^\S+: (-c: )?(warning: )?/, "")
    .replace(/^(\d+): /, "line $1: ")
    .trim();
}

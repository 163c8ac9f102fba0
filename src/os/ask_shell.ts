/**
 * Runs short programs for what they print.
 *
 * @module
 */
import type { Host } from "./processes.ts";
import { shellEnvironment } from "./shell_environment.ts";

/** The exit code when there is no such program, or no shell to look for it. */
export const NO_SUCH_PROGRAM = 127;

/** How a program answered. */
interface ShellAnswer {
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
    env: shellEnvironment(),
    clearEnv: true,
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

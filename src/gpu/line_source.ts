/**
 * A program whose lines are read, and which ends with its reader.
 *
 * @module
 */
import { endOf } from "../os/ask_shell.ts";
import { shellEnvironment } from "../os/shell_environment.ts";
import { LineSplitter } from "../workloads/line_splitter.ts";

/** The exit code of a shell that does not find the program. */
export const NOT_FOUND = 127;

/**
 * Runs a shell with these arguments until it ends, or until `signal` aborts, which ends it at once. Its
 * standard input ends with its reader.
 */
export async function readLines(
  args: readonly string[],
  { path, signal, onLine }: {
    /** The PATH on which programs are looked for. Default: that of this process. */
    readonly path: string | undefined;
    readonly signal: AbortSignal;
    onLine(line: string): void;
  },
): Promise<{ readonly code: number }> {
  const child = new Deno.Command("sh", {
    args: [...args],
    env: { ...shellEnvironment(), ...(path !== undefined && { PATH: path }) },
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const output = child.stdout.getReader();
  // A program that it has started may hold its output open.
  const stop = () => void output.cancel();
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const ended = endOf(child, signal);
  const lines = new LineSplitter(onLine);
  for (;;) {
    const { value, done } = await output.read();
    if (done) break;
    lines.push(value);
  }
  lines.end();
  signal.removeEventListener("abort", stop);
  const end = await ended;
  await child.stdin.close().catch(() => {});
  return end;
}

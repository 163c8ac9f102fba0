/**
 * A program that runs for as long as somebody reads its lines.
 *
 * @module
 */
import { shellEnvironment } from "../os/shell_environment.ts";
import { LineSplitter } from "../workloads/line_splitter.ts";

/** What a shell exits with that finds no program. */
export const NOT_FOUND = 127;

/** Runs a shell with these arguments until it ends, or until `signal` aborts, which ends it at once. */
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
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const output = child.stdout.getReader();
  const end = () => endAtOnce(child, output);
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  const lines = new LineSplitter(onLine);
  for (;;) {
    const { value, done } = await output.read();
    if (done) break;
    lines.push(value);
  }
  lines.end();
  const { code } = await child.status;
  signal.removeEventListener("abort", end);
  return { code };
}

/**
 * Ends a program, which may be a script: one that takes no SIGTERM, or has started a program that holds
 * its output open.
 */
function endAtOnce(
  child: Deno.ChildProcess,
  output: ReadableStreamDefaultReader<Uint8Array>,
): void {
  void output.cancel();
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

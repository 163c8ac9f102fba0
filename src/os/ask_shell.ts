/**
 * Runs short programs and returns what they print.
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

/**
 * Runs a shell with these arguments. It is killed when `signal` aborts; processes that it has
 * started are not waited for.
 */
export async function askShell(
  shell: Host["shell"],
  args: readonly string[],
  signal?: AbortSignal,
): Promise<ShellAnswer> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(shell, {
      args: [...args],
      env: shellEnvironment(),
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { code: NO_SUCH_PROGRAM, stdout: "", stderr: `${shell}: not found` };
  }
  const [{ code }, stdout, stderr] = await Promise.all([
    endOf(child, signal),
    textOf(child.stdout, signal),
    textOf(child.stderr, signal),
  ]);
  return { code, stdout, stderr };
}

/** How long a program that is killed may take to end. */
const KILL_MS = 1_000;

/**
 * How a program ends, which is killed when `signal` aborts. If it hangs in a driver it does not end
 * even then, and is not waited for any longer.
 */
export async function endOf(
  child: Deno.ChildProcess,
  signal: AbortSignal | undefined,
): Promise<{ readonly code: number }> {
  const leaving = Promise.withResolvers<{ readonly code: number }>();
  const leave = () => {
    child.unref();
    leaving.resolve({ code: 128 + 9 });
  };
  const kill = () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    AbortSignal.timeout(KILL_MS).addEventListener("abort", leave, { once: true });
  };
  signal?.addEventListener("abort", kill, { once: true });
  if (signal?.aborted) kill();
  try {
    return await Promise.race([child.status, leaving.promise]);
  } finally {
    signal?.removeEventListener("abort", kill);
  }
}

/** The text of a stream until its end, or until `signal` aborts. */
async function textOf(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  signal: AbortSignal | undefined,
): Promise<string> {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  const stop = () => void reader.cancel();
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted) stop();
  try {
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return text;
      text += value;
    }
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

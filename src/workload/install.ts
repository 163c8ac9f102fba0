/**
 * The install script: run at each start, shown live, and fatal when it fails.
 *
 * @module
 */
import { InstallScriptError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Clock } from "../time.ts";
import { LineSplitter } from "./lines.ts";
import { type Host, signalOwnGroup } from "./processes.ts";

/** What running the install script takes. */
export interface InstallOptions {
  readonly script: string;
  readonly workFolder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly host: Host;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds between asking it to stop and killing it. */
  readonly graceMs: number;
}

/** How much of its standard error is told to the backend. */
const LAST_LINES = 20;

/**
 * Runs the install script to its end. When `signal` aborts, it is stopped and the signal's reason
 * thrown.
 *
 * @throws {InstallScriptError} if it fails; the message ends with its last lines of stderr.
 */
export async function runInstallScript(
  options: InstallOptions,
  signal: AbortSignal,
): Promise<void> {
  const { script, workFolder, env, host, logger } = options;
  signal.throwIfAborted();
  logger.info("Running the install script");
  const child = new Deno.Command(host.shell, {
    args: ["-c", script],
    cwd: workFolder,
    clearEnv: true,
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    detached: true,
  }).spawn();
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped = stopInstall(child, options);
  };
  signal.addEventListener("abort", stop, { once: true });
  const lastLines: string[] = [];
  const show = (line: string) => logger.info(`[install] ${line}`);
  const [status] = await Promise.all([
    child.status,
    forEachLine(child.stdout, show),
    forEachLine(child.stderr, (line) => {
      show(line);
      lastLines.push(line);
      if (lastLines.length > LAST_LINES) lastLines.shift();
    }),
  ]).finally(() => signal.removeEventListener("abort", stop));
  await stopped;
  signal.throwIfAborted();
  if (status.success) return logger.info("The install script succeeded");
  const reason = status.signal === null ? `code ${status.code}` : status.signal;
  throw new InstallScriptError(
    [`The install script failed with ${reason}`, ...lastLines].join("\n"),
    { hint: 'Run the command under "install_script" in a shell to see what it needs' },
  );
}

async function forEachLine(
  stream: ReadableStream<Uint8Array>,
  show: (line: string) => void,
): Promise<void> {
  const lines = new LineSplitter(show);
  for await (const chunk of stream) lines.push(chunk);
  lines.end();
}

async function stopInstall(
  child: Deno.ChildProcess,
  { clock, graceMs, logger }: InstallOptions,
): Promise<void> {
  logger.warn("Stopping the install script");
  const ended = new AbortController();
  child.status.then(() => ended.abort());
  await signalOwnGroup(child.pid, "SIGTERM");
  try {
    await clock.sleep(graceMs, ended.signal);
    await signalOwnGroup(child.pid, "SIGKILL");
  } catch {
    // It has ended within its grace.
  }
}

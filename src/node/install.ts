/**
 * The install script: run at each start, shown live, and fatal when it fails.
 *
 * @module
 */
import { InstallScriptError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Clock } from "../time.ts";
import { becomeCommand, invocation } from "../os/child_environment.ts";
import type { Host } from "../os/processes.ts";
import { inOwnSession } from "../os/session.ts";
import { ChildOutput } from "./child_output.ts";
import { signalSession } from "./signal_session.ts";

/** What an install script is run with. */
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

/** How long an install script may take to end after SIGTERM, in milliseconds. */
export const INSTALL_GRACE_MS = 10_000;

/** How many lines of its standard error the backend gets. */
const LAST_LINES = 20;

/** Runs the install script as `runInstallScript` does, and reports why it failed, if it does. */
export async function installAndReport(
  options: InstallOptions,
  signal: AbortSignal,
  reportFailed: (why: string) => Promise<void>,
): Promise<void> {
  try {
    await runInstallScript(options, signal);
  } catch (error) {
    if (error instanceof InstallScriptError) await reportFailed(error.message);
    throw error;
  }
}

/**
 * Runs the install script to its end; what it leaves running goes on. When `signal` aborts, it is
 * stopped and the signal's reason thrown.
 *
 * @throws {InstallScriptError} if it fails; the message ends with its last lines of stderr.
 */
export async function runInstallScript(
  options: InstallOptions,
  signal: AbortSignal,
): Promise<void> {
  const { script, workFolder, env, host, clock, logger } = options;
  signal.throwIfAborted();
  logger.info("Running the install script");
  const { command, ...started } = inOwnSession(
    invocation({ source: script, env, host }, becomeCommand(""), { name: ["cyberwave-install"] }),
  );
  const child = new Deno.Command(command, {
    ...started,
    cwd: workFolder,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped = stopInstall(child, options);
  };
  signal.addEventListener("abort", stop, { once: true });
  const lastLines: string[] = [];
  const show = (line: string) => logger.info(`[install] ${line}`);
  const outputs = [
    new ChildOutput(child.stdout, show),
    new ChildOutput(child.stderr, (line) => {
      show(line);
      lastLines.push(line);
      if (lastLines.length > LAST_LINES) lastLines.shift();
    }),
  ];
  const status = await child.status;
  signal.removeEventListener("abort", stop);
  await Promise.all(outputs.map((output) => output.drain(clock)));
  await stopped;
  const close = () => Promise.all(outputs.map((output) => output.close()));
  if (signal.aborted || !status.success) await close();
  else if (!outputs.every((output) => output.hasEnded)) {
    // Closing its pipe would kill it.
    signal.addEventListener("abort", close, { once: true });
    logger.warn(
      "The install script left a process running that still writes to the node, and fails when the " +
        "node ends: redirect its output",
    );
  }
  signal.throwIfAborted();
  if (status.success) return logger.info("The install script succeeded");
  const reason = status.signal === null ? `code ${status.code}` : status.signal;
  throw new InstallScriptError(
    [`The install script failed with ${reason}`, ...lastLines].join("\n"),
    { hint: 'Run the command under "install_script" in a shell to see what it needs' },
  );
}

async function stopInstall(
  child: Deno.ChildProcess,
  { clock, graceMs, logger }: InstallOptions,
): Promise<void> {
  logger.warn("Stopping the install script");
  const ended = new AbortController();
  child.status.then(() => ended.abort());
  await signalSession(child.pid, "SIGTERM");
  try {
    await clock.sleep(graceMs, ended.signal);
    await signalSession(child.pid, "SIGKILL");
  } catch {
    // It has ended within its grace.
  }
}

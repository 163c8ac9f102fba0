/**
 * The install script: run at each start, shown live, and fatal when it fails.
 *
 * @module
 */
import { InstallScriptError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Clock } from "../time.ts";
import { membersOf } from "../executors/process/members.ts";
import { becomeCommand, invocation } from "../os/child_environment.ts";
import { LineSplitter } from "../workloads/line_splitter.ts";
import { type Host, listProcesses, signalProcesses } from "../os/processes.ts";
import type { StopSignal } from "../os/process_identity.ts";
import { inOwnSession } from "../os/session.ts";

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

/** How long an install script may take to end once it is asked to, in milliseconds. */
export const INSTALL_GRACE_MS = 10_000;

/** How much of its standard error the backend gets. */
const LAST_LINES = 20;

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
    new Output(child.stdout, show),
    new Output(child.stderr, (line) => {
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
    // To close its pipe would kill it.
    signal.addEventListener("abort", close, { once: true });
    logger.warn(
      "The install script left a process running whose output comes here, and which fails without " +
        "this node: redirect the output of what is to go on",
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

/** What a script wrote is in the pipe when it ends: this long a silence says that it was read. */
const SILENCE_MS = 250;

/** How long the pipe is read after the end, when somebody goes on writing to it. */
const MAX_DRAIN_MS = 2_000;

/** A stream of output, shown line by line. */
class Output {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #lines: LineSplitter;
  readonly #read: Promise<void>;
  #hasEnded = false;
  #news = Promise.withResolvers<void>();

  constructor(stream: ReadableStream<Uint8Array>, show: (line: string) => void) {
    this.#reader = stream.getReader();
    this.#lines = new LineSplitter(show);
    this.#read = this.#readAll();
  }

  /** Whether it has ended: no process has it open. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Resolves when the last output of a script that has ended is shown, whoever holds the stream. */
  async drain(clock: Clock): Promise<void> {
    const deadline = clock.monotonic() + MAX_DRAIN_MS;
    while (!this.#hasEnded && clock.monotonic() < deadline && await this.#hasNews(clock));
  }

  /** Shows no more. */
  async close(): Promise<void> {
    await this.#reader.cancel();
    await this.#read;
  }

  /** Whether there is output, or its end, before a silence. */
  async #hasNews(clock: Clock): Promise<boolean> {
    const done = new AbortController();
    const silence = clock.sleep(SILENCE_MS, done.signal).then(() => false, () => true);
    const hasNews = await Promise.race([this.#news.promise.then(() => true), silence]);
    done.abort();
    return hasNews;
  }

  async #readAll(): Promise<void> {
    for (;;) {
      const { value, done } = await this.#reader.read();
      if (done) break;
      this.#lines.push(value);
      this.#news.resolve();
      this.#news = Promise.withResolvers();
    }
    this.#lines.end();
    this.#hasEnded = true;
    this.#news.resolve();
  }
}

async function stopInstall(
  child: Deno.ChildProcess,
  { clock, graceMs, logger }: InstallOptions,
): Promise<void> {
  logger.warn("Stopping the install script");
  const ended = new AbortController();
  child.status.then(() => ended.abort());
  await signalAll(child.pid, "SIGTERM");
  try {
    await clock.sleep(graceMs, ended.signal);
    await signalAll(child.pid, "SIGKILL");
  } catch {
    // It has ended within its grace.
  }
}

/** Signals the script, a child that has not been waited for, and all that it has started. */
async function signalAll(pid: number, signal: StopSignal): Promise<void> {
  const { processes } = await listProcesses([]);
  const script = processes.find((process) => process.pid === pid);
  if (script === undefined) return;
  const started = membersOf(script, {
    processes,
    marked: new Set(),
    supervising: new Set(),
    holding: new Set(),
  });
  await signalProcesses([pid, ...started], signal);
}

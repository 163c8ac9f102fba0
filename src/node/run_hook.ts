/**
 * Runs a hook: a shell command of the user that gets an event.
 *
 * It may go on when the node has stopped: that of the last command of `--once` mostly does. So what it
 * prints to standard error goes through a process of its own, which takes it when the node no longer
 * does, and a guard in its session ends it where the node does not.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { becomeCommand, invocation } from "../os/child_environment.ts";
import type { Host } from "../os/processes.ts";
import { inOwnSession } from "../os/session.ts";
import type { Clock } from "../time.ts";
import { ChildOutput } from "./child_output.ts";
import { signalSession } from "./signal_session.ts";

/** What a hook is run with. */
export interface HookContext {
  readonly workFolder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly host: Host;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborts when the node stops following hooks. */
  readonly stopped: AbortSignal;
  /** How long a hook may take after the node has stopped, in seconds. Default: 35. */
  readonly guardSeconds?: number;
}

/** How long a hook may take, in milliseconds. */
const LIMIT_MS = 30_000;

/**
 * Runs the hook, writes its exit code to standard output and what it printed to standard error, but not
 * what the shell says of its end, and ends with it, whoever holds its standard error then.
 */
const script = (guardSeconds: number) => `
( trap 'kill "$sleep"; exit' TERM; sleep ${guardSeconds} & sleep=$!; wait; kill -s KILL -- -$$ ) \
  <&- >&- 2>&- &
guard=$!
{ { (${
  becomeCommand("", ["guard"])
}) 2>&5 4>&- 5>&-; echo $? >&4; kill "$guard" $$; } 5>&1 >/dev/null 2>&1 |
  { cat >&2; cat >/dev/null; } 4>&-; } 4>&1
`;

/** Runs a hook to its end, with `event` as JSON on its standard input. Never rejects. */
export async function runHook(
  name: string,
  source: string,
  event: unknown,
  context: HookContext,
): Promise<void> {
  const { logger } = context;
  try {
    const problem = await attempt(source, `${JSON.stringify(event)}\n`, context);
    if (problem !== undefined) logger.warn(`${name} ${problem}`);
  } catch (error) {
    logger.warn(`${name} could not be run: ${messageOf(error)}`);
  }
}

/** Runs it, and returns how it failed; `undefined` if the node stopped before its end. */
async function attempt(
  source: string,
  input: string,
  { workFolder, env, host, clock, stopped, guardSeconds = 35 }: HookContext,
): Promise<string | undefined> {
  const { command, ...started } = inOwnSession(
    invocation({ source, env, host }, script(guardSeconds), { name: ["cyberwave-hook"] }),
  );
  const child = new Deno.Command(command, {
    ...started,
    cwd: workFolder,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const ended = new AbortController();
  let isTooLate = false;
  const limit = clock.sleep(LIMIT_MS, AbortSignal.any([ended.signal, stopped])).then(async () => {
    isTooLate = true;
    await signalSession(child.pid, "SIGKILL");
  }, () => {});
  // A hook need not read its input.
  new Blob([input]).stream().pipeTo(child.stdin).catch(() => {});
  let lastLine = "";
  const output = new ChildOutput(child.stderr, (line) => {
    if (line.trim() !== "") lastLine = line;
  });
  const code = await firstLine(child.stdout, stopped);
  if (stopped.aborted) child.unref();
  else await child.status;
  ended.abort();
  await limit;
  if (!stopped.aborted) await output.drain(clock);
  await output.close();
  if (stopped.aborted) return undefined;
  if (isTooLate) return `was killed: it took longer than ${LIMIT_MS / 1000} s`;
  if (code === "0") return undefined;
  const how = code === "" ? "was killed" : `failed with code ${code}`;
  return `${how}${lastLine === "" ? "" : `: ${lastLine}`}`;
}

/** The first line of a stream; `""`: there is none, or `signal` aborted before. */
async function firstLine(stream: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<string> {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  const cancel = () => void reader.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  if (signal.aborted) cancel();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) break;
    text += value;
  }
  signal.removeEventListener("abort", cancel);
  await reader.cancel();
  return text.split("\n")[0]!;
}

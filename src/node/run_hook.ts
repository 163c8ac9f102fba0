/**
 * Runs a hook: a shell command of the user's that is told of an event.
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

/** What running a hook takes. */
export interface HookContext {
  readonly workFolder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly host: Host;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How long a hook may take, in milliseconds. */
const LIMIT_MS = 30_000;

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

/** Runs it, and returns how it failed. */
async function attempt(
  source: string,
  input: string,
  { workFolder, env, host, clock }: HookContext,
): Promise<string | undefined> {
  const { command, ...started } = inOwnSession(
    invocation({ source, env, host }, becomeCommand(""), { name: ["cyberwave-hook"] }),
  );
  const child = new Deno.Command(command, {
    ...started,
    cwd: workFolder,
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const ended = new AbortController();
  let isTooLate = false;
  const limit = clock.sleep(LIMIT_MS, ended.signal).then(async () => {
    isTooLate = true;
    await signalSession(child.pid, "SIGKILL");
  }, () => {});
  // A hook that does not read what it is told is none the worse.
  new Blob([input]).stream().pipeTo(child.stdin).catch(() => {});
  let lastLine = "";
  const output = new ChildOutput(child.stderr, (line) => {
    if (line.trim() !== "") lastLine = line;
  });
  const { success, code, signal } = await child.status;
  ended.abort();
  await limit;
  await output.drain(clock);
  await output.close();
  if (isTooLate) return `was killed: it took longer than ${LIMIT_MS / 1000} s`;
  if (success) return undefined;
  return `failed with ${signal ?? `code ${code}`}${lastLine === "" ? "" : `: ${lastLine}`}`;
}

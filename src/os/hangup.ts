/**
 * Whether this program was started at a terminal, and to outlive that, as by nohup(1).
 *
 * @module
 */
import { shellEnvironment } from "./shell_environment.ts";

/** How this process was started. */
interface Start {
  readonly isHangupIgnored: boolean;
  readonly hasTerminal: boolean;
}

let start: Start | undefined;

/**
 * Whether this process was started with SIGHUP ignored. Must be asked before Deno listens to any
 * signal: from then on it handles SIGHUP, too, and children no longer inherit what was.
 */
export function ignoresHangup(): boolean {
  start ??= askChild();
  return start.isHangupIgnored;
}

/** Whether this process was started at a terminal, which sends SIGHUP when it is closed. */
export function hasTerminal(): boolean {
  start ??= askChild();
  return start.hasTerminal;
}

function askChild(): Start {
  try {
    const { success, stdout } = new Deno.Command("sh", {
      args: ["-c", "(: </dev/tty) 2>/dev/null && echo terminal; kill -s HUP $$"],
      clearEnv: true,
      env: shellEnvironment(),
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).outputSync();
    return { isHangupIgnored: success, hasTerminal: stdout.length > 0 };
  } catch {
    // Without a shell no workload can run.
    return { isHangupIgnored: false, hasTerminal: true };
  }
}

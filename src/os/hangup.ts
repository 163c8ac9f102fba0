/**
 * Whether this program was started to outlive its terminal, as by nohup(1).
 *
 * @module
 */
import { shellEnvironment } from "./shell_environment.ts";

let isIgnored: boolean | undefined;

/**
 * Whether this process was started with SIGHUP ignored. Must be asked before Deno listens to any
 * signal: from then on it handles SIGHUP, too, and children no longer inherit what was.
 */
export function ignoresHangup(): boolean {
  isIgnored ??= aChildIgnoresHangup();
  return isIgnored;
}

function aChildIgnoresHangup(): boolean {
  try {
    return new Deno.Command("sh", {
      args: ["-c", "kill -s HUP $$"],
      clearEnv: true,
      env: shellEnvironment(),
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).outputSync().success;
  } catch {
    // Without a shell nothing runs here, and nothing is to be ended.
    return false;
  }
}

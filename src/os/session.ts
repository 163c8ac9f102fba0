/**
 * Starts programs in sessions of their own, where no terminal and no signal for the node reaches them.
 *
 * @module
 */
import type { Invocation } from "./child_environment.ts";

/** What starts a program, all of it. */
export type Spawned = Deno.CommandOptions & { readonly command: string };

let startsWithSetsid: boolean | undefined;

/**
 * Makes what starts a program start it in a session of its own. setsid(1) keeps the pid and costs
 * the node a tenth of what Deno's `detached` costs, which forks the whole of it.
 */
export function inOwnSession({ command, args, ...rest }: Invocation): Spawned {
  startsWithSetsid ??= hasSetsid(rest.env);
  return startsWithSetsid
    ? { command: "setsid", args: [command, ...args], ...rest }
    : { command, args, ...rest, detached: true };
}

function hasSetsid(env: Record<string, string>): boolean {
  if (Deno.build.os === "windows") return false;
  if (Deno.permissions.querySync({ name: "run", command: "setsid" }).state !== "granted") {
    return false;
  }
  try {
    return new Deno.Command("setsid", {
      args: ["true"],
      env,
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).outputSync().success;
  } catch {
    return false;
  }
}

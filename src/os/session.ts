/**
 * Starts programs in sessions of their own, where no terminal and no signal for the node reaches them.
 *
 * @module
 */
import type { Invocation } from "./child_environment.ts";
import { OS } from "./current.ts";

/** What starts a program, all of it. */
type Spawned = Deno.CommandOptions & { readonly command: string };

let program: string | undefined | "not looked for" = "not looked for";

/**
 * Changes the options of a program so that it starts in a session of its own. setsid(1) keeps the
 * pid and costs the node a tenth of Deno's `detached`, which forks the whole node.
 */
export function inOwnSession({ command, args, ...rest }: Invocation): Spawned {
  if (program === "not looked for") program = sessionProgram(rest.env);
  return program === undefined
    ? { command, args, ...rest, detached: true }
    : { command: program, args: [command, ...args], ...rest };
}

function sessionProgram(env: Record<string, string>): string | undefined {
  const { sessionProgram: command } = OS;
  if (command === undefined) return undefined;
  if (Deno.permissions.querySync({ name: "run", command }).state !== "granted") return undefined;
  try {
    const { success } = new Deno.Command(command, {
      args: ["true"],
      env,
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).outputSync();
    return success ? command : undefined;
  } catch {
    return undefined;
  }
}

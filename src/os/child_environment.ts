/**
 * Handing an environment to a program. Deno that may run named programs alone refuses to give them
 * variables that steer the dynamic linker, because with those they run whatever one likes. Workloads
 * are free to do that, and those that compute on a GPU need `LD_LIBRARY_PATH`: a shell sets them.
 *
 * @module
 */

/** What starts a program: the arguments of `Deno.Command`. */
export interface Invocation {
  /** The program. */
  readonly command: string;
  /** Its arguments. */
  readonly args: string[];
  /** Its environment. */
  readonly env: Record<string, string>;
}

type Environment = Readonly<Record<string, string>>;

/** Starts `command` with all of `env`. */
export function invocation(command: string, args: readonly string[], env: Environment): Invocation {
  const linking = Object.entries(env).filter(([name]) => steersLinker(name));
  if (linking.length === 0) return { command, args: [...args], env: { ...env } };
  const assignments = linking.map(([name, value]) => `${name}=${value}`);
  return {
    command: "sh",
    args: ["-c", 'exec env "$@"', "sh", ...assignments, command, ...args],
    env: withoutLinker(env),
  };
}

/** What of `env` Deno hands on itself. */
export function withoutLinker(env: Environment): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !steersLinker(name)));
}

function steersLinker(name: string): boolean {
  return /^(LD|DYLD)_/i.test(name);
}

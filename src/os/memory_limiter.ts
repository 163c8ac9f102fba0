/**
 * What keeps a command within an amount of memory: a scope of systemd, where the node may make one, in
 * which all its processes count together; else ulimit(1), which counts the address space of each.
 *
 * @module
 */
import { shellEnvironment } from "./shell_environment.ts";

/** What limits memory on this machine. */
export type MemoryLimiter =
  | { readonly type: "ulimit" }
  /** Shell words that run a command in a scope, but for the limit. */
  | { readonly type: "scope"; readonly words: string };

/** The variables by which systemd-run and a user's systemd are found. */
const BUS = ["PATH", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"];

/** How long making a scope may take. */
const TIMEOUT_MS = 15_000;

/** Makes a scope, as root that of the system's manager, else that of the user's, and prints how. */
const TRY = `
program=$(command -v systemd-run) || exit 1
manager=--user
[ "$(id -u)" != 0 ] || manager=--system
"$program" $manager --scope --quiet --collect -p MemoryMax=1G -p MemorySwapMax=0 -- true || exit 1
printf '%s\\n%s' "$manager" "$program"`;

/** Finds out which of them there is, for commands with these variables. Never rejects. */
export async function findMemoryLimiter(
  env: Readonly<Record<string, string>>,
): Promise<MemoryLimiter> {
  const bus = BUS.flatMap((name) => env[name] === undefined ? [] : [[name, env[name]]]);
  try {
    const { success, stdout } = await new Deno.Command("sh", {
      args: ["-c", TRY],
      env: { ...shellEnvironment(), ...Object.fromEntries(bus) },
      clearEnv: true,
      stdin: "null",
      stderr: "null",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).output();
    const [manager, ...program] = new TextDecoder().decode(stdout).split("\n");
    if (!success || program.length !== 1) return { type: "ulimit" };
    const word = `'${program[0]!.replaceAll("'", "'\\''")}'`;
    return { type: "scope", words: `${word} ${manager} --scope --quiet --collect` };
  } catch {
    return { type: "ulimit" };
  }
}

/** The variables of the shell that becomes a command that may have so many bytes. */
export function memoryLimit(limiter: MemoryLimiter, bytes: number): Record<string, string> {
  if (limiter.type === "ulimit") return { memory: String(Math.max(1, Math.floor(bytes / 1024))) };
  return { wrapper: `${limiter.words} -p MemoryMax=${bytes} -p MemorySwapMax=0 --` };
}

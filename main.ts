/**
 * The command line: `deno run -A jsr:@cyberwave/cloud-node start`.
 *
 * @module
 */
import { failWith } from "./src/cli/failure.ts";
import { startUnderReaper } from "./src/os/reaper.ts";
import { readEnvironment } from "./src/permissions.ts";

/** Runs the program with these arguments and ends the process. */
export async function main(args: string[]): Promise<void> {
  const verbose = args.includes("-v") || args.includes("--verbose");
  const exit = (error: unknown) => Deno.exit(failWith(error, { verbose }));
  // What fails where nobody waits for it is told like the rest.
  addEventListener("error", ({ error }) => exit(error));
  addEventListener("unhandledrejection", ({ reason }) => exit(reason));
  try {
    const warning = args.includes("start") ? startUnderReaper(args) : undefined;
    if (warning !== undefined) console.error(`warning: ${warning}`);
    // Packages read variables as they are loaded: without leave Deno would prompt, or fail obscurely.
    readEnvironment();
    const { runProgram } = await import("./src/cli/program.ts");
    Deno.exit(await runProgram(args));
  } catch (error) {
    exit(error);
  }
}

if (import.meta.main) main(Deno.args);

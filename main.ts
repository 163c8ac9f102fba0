/**
 * The command line: `deno run -A jsr:@cyberwave/cloud-node start`.
 *
 * @module
 */
import { moduleHint } from "./src/cli/module_error.ts";
import { catchSignals, type StopRequests } from "./src/os/signals.ts";

/** The commands that run a node, which a signal stops in good order. */
const NODE_COMMANDS: readonly string[] = ["start", "dev"];

/** Of a command that any signal may end. */
const NO_REQUESTS: StopRequests = {
  stop: new AbortController().signal,
  drain: new AbortController().signal,
  reloads: new EventTarget(),
};

/** The first process of a container has to wait for all that end there, which Deno does not. */
async function startUnderReaper(args: string[]): Promise<void> {
  if (Deno.pid !== 1) return;
  const { replaceByReaper } = await import("./src/os/reaper.ts");
  console.error(`warning: ${replaceByReaper(args)}`);
}

/** Ends a program that lacks the module that would say what is wrong. */
function endWithout(error: unknown): never {
  console.error(`error: ${error instanceof Error ? error.message : error}`);
  const hint = moduleHint(error);
  if (hint !== undefined) console.error(`hint: ${hint}`);
  Deno.exit(1);
}

/** Runs the program with these arguments and ends the process. */
export async function main(args: string[]): Promise<void> {
  // Before the rest is loaded, so that a signal that comes meanwhile is not missed.
  const requests = args.some((word) => NODE_COMMANDS.includes(word))
    ? catchSignals(args.includes("start"))
    : NO_REQUESTS;
  if (requests !== NO_REQUESTS) await startUnderReaper(args);
  const { failWith } = await import("./src/cli/report_error.ts").catch(endWithout);
  const verbose = args.includes("-v") || args.includes("--verbose");
  const exit = (error: unknown) => Deno.exit(failWith(error, { verbose }));
  addEventListener("error", ({ error }) => exit(error));
  addEventListener("unhandledrejection", ({ reason }) => exit(reason));
  try {
    // Packages read variables as they are loaded. Without permission Deno would prompt, or they
    // would fail with an obscure error.
    const { readEnvironment } = await import("./src/permissions.ts");
    readEnvironment();
    const { runProgram } = await import("./src/cli/program.ts");
    Deno.exit(await runProgram(args, requests));
  } catch (error) {
    exit(error);
  }
}

if (import.meta.main) main(Deno.args);

/** What the machine takes for the least that must be done. */
import type { Site } from "./node.ts";
import { Caller } from "./caller.ts";
import { Program } from "./program.ts";
import { duration } from "./sampling.ts";

/** Something that answers at once, and a caller of it: a round trip over the broker. */
export interface Echo extends AsyncDisposable {
  readonly program: Program;
  readonly caller: Caller;
}

/** Starts one, in a process of its own as a node is. */
export async function startEcho({ broker }: Site): Promise<Echo> {
  await using stack = new AsyncDisposableStack();
  const uuid = crypto.randomUUID();
  const program = stack.use(new Program({ module: "./echo.ts", args: [broker.url, uuid] }));
  const caller = stack.use(await Caller.connect(broker.url, uuid));
  const owned = stack.move();
  return { program, caller, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** How long it takes, in milliseconds, to run a template in the shell that runs workloads. */
export function forkAndExec(template: string): Promise<number> {
  return duration(() => new Deno.Command("bash", { args: ["-c", template] }).output());
}

/** How long it takes, in milliseconds, to run `count` templates, `parallel` at a time. */
export function forkAndExecMany(
  template: string,
  { count, parallel }: { count: number; parallel: number },
): Promise<number> {
  let left = count;
  const worker = async () => {
    while (left-- > 0) await forkAndExec(template);
  };
  return duration(() => Promise.all(Array.from({ length: parallel }, worker)));
}

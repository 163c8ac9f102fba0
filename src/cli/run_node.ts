/**
 * A node in this process, which signals stop.
 *
 * @module
 */
import type { CloudNode } from "../cloud_node.ts";
import type { LoadedSettings } from "../config/load.ts";
import type { RunResult } from "../node/options.ts";
import type { RunOptions } from "../node/options.ts";
import type { StopRequests } from "../os/signals.ts";
import type { Arguments } from "./arguments.ts";
import { reviewAgain } from "./load_settings.ts";

/** How the node of these arguments is examined, with what that loads. `adapt` may change the settings. */
export function examiner(
  args: Arguments,
  adapt: (loaded: LoadedSettings) => LoadedSettings = (loaded) => loaded,
): () => Promise<Record<string, unknown>> {
  return async () => {
    const { examineJson } = await import("./subcommands/doctor.ts");
    const review = await reviewAgain(args);
    return await examineJson({ ...review, loaded: adapt(review.loaded) });
  };
}

/**
 * Runs `node` until it ends, or until a signal stops or drains it. If one has done so already, the
 * node is not started.
 */
export async function runNode(
  node: CloudNode,
  options: Omit<RunOptions, "signal" | "handleSignals">,
  { stop, drain }: StopRequests,
): Promise<RunResult> {
  if (stop.aborted || drain.aborted) return { succeeded: 0, failed: 0 };
  const startDraining = () => void node.drain();
  drain.addEventListener("abort", startDraining, { once: true });
  try {
    return await node.run({ ...options, signal: stop });
  } finally {
    drain.removeEventListener("abort", startDraining);
  }
}

/**
 * A node in this process, which signals stop.
 *
 * @module
 */
import type { CloudNode } from "../cloud_node.ts";
import type { RunResult } from "../node/options.ts";
import type { RunOptions } from "../node/options.ts";
import type { StopRequests } from "../os/signals.ts";

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

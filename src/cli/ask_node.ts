/**
 * Asking a node on this computer through its state folder.
 *
 * @module
 */
import { type LocalRequest, LocalRequests } from "../state/local_requests.ts";
import { lockHolder } from "../state/lock.ts";
import { systemClock } from "../time.ts";

/** A node that is starting up, or under load, may take a moment. */
const PATIENCE_MS = 10_000;

const INTERVAL_MS = 25;

/** Asks, and resolves with whether a node has carried that out, in time and before it ended. */
export async function isCarriedOut(stateFolder: string, request: LocalRequest): Promise<boolean> {
  const requests = new LocalRequests(stateFolder);
  await requests.ask(request);
  await inTime(() => !requests.isPending(request) || lockHolder(stateFolder) === undefined);
  return !requests.isPending(request);
}

/** The status of a node; `undefined`: it does not answer. */
export async function askForStatus(
  stateFolder: string,
): Promise<Record<string, unknown> | undefined> {
  const requests = new LocalRequests(stateFolder);
  const request = { type: "status", nonce: crypto.randomUUID() } as const;
  try {
    await requests.ask(request);
    let answer: Record<string, unknown> | undefined;
    await inTime(() => (answer = requests.takeAnswer(request.nonce)) !== undefined);
    return answer;
  } finally {
    requests.remove(request);
  }
}

async function inTime(isDone: () => boolean): Promise<boolean> {
  const deadline = systemClock.monotonic() + PATIENCE_MS;
  while (!isDone()) {
    if (systemClock.monotonic() > deadline) return false;
    await systemClock.sleep(INTERVAL_MS);
  }
  return true;
}

/**
 * Carries out requests that programs of the same user make through the state folder.
 *
 * @module
 */
import type { CommandCanceller } from "../commands/canceller.ts";
import { messageOf } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import type { Logger } from "../log.ts";
import { type LocalRequest, LocalRequests } from "../state/local_requests.ts";
import { requireFolder } from "../state/state_file.ts";
import { type Clock, whenAborted } from "../time.ts";
import type { NodeEvents } from "./events.ts";
import { localStatus } from "./local_status.ts";
import { snapshotOf, type SnapshotParts } from "./snapshot.ts";

/** Where requests to cancel are stored. */
type CancelStore = Pick<Journal, "unfinished" | "requestStop" | "atomically">;

/** What storing them takes. */
interface StoreParts {
  readonly settings: { readonly stateFolder: string };
  readonly journal: CancelStore;
  readonly clock: Clock;
}

/** What serving takes. */
interface LocalRequestParts extends SnapshotParts {
  readonly settings: { readonly stateFolder: string };
  readonly canceller: Pick<CommandCanceller, "cancelById">;
  readonly events: NodeEvents;
}

/**
 * Stores the cancel requests that came while no node ran, before recovery. If a command was
 * started, only a request whose signal was sent can explain its end; any other is carried out after
 * recovery, if there still is something to stop.
 */
export function storeCancelRequests(
  { settings: { stateFolder }, journal, clock }: StoreParts,
  logger: Logger,
): void {
  const requests = new LocalRequests(stateFolder);
  requireFolder(requests.path, { clock, logger });
  requests.create();
  requests.removeOld();
  const asked = requests.pending().filter((request) => request.type === "cancel");
  if (asked.length === 0) return;
  try {
    const states = new Map(journal.unfinished().map(({ id, state }) => [id, state]));
    const due = asked.filter(({ id, isSent }) => states.get(id) !== "running" || isSent);
    journal.atomically(() => {
      for (const { id, signal, at } of due) {
        if (states.has(id)) journal.requestStop(id, { cause: "cancelled", signal, at });
      }
    });
    for (const request of due) requests.remove(request);
  } catch (error) {
    // They are carried out as others are, a little later.
    logger.error(`Cannot store what is to be cancelled: ${messageOf(error)}`);
  }
}

/** Carries out requests as they come, until `signal` aborts. */
export async function serveLocalRequests(
  parts: LocalRequestParts,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const { settings, canceller, events } = parts;
  const requests = new LocalRequests(settings.stateFolder);
  const carryOut = async (request: LocalRequest) => {
    try {
      if (request.type === "cancel") await canceller.cancelById(request.id, request.signal);
      else await requests.answer(request.nonce, localStatus(snapshotOf(parts)));
      requests.remove(request);
    } catch (error) {
      const { type } = request;
      logger.error(
        `Cannot carry out a ${type} asked through the state folder: ${messageOf(error)}`,
      );
    }
  };
  let isDue = false;
  let carriedOut = Promise.resolve();
  const carryOutAll = async () => {
    isDue = false;
    for (const request of requests.pending()) await carryOut(request);
  };
  // One look serves all changes that come at a time.
  const look = () => {
    if (!isDue) carriedOut = carriedOut.then(carryOutAll);
    isDue = true;
  };
  // Where a change goes unseen, as in a folder that another computer serves.
  const removeListener = events.on("heartbeat", look);
  look();
  try {
    await watch(requests.path, look, signal);
  } catch (error) {
    logger.warn(`Cannot watch ${requests.path}: ${messageOf(error)}; looking at each heartbeat`);
  }
  await whenAborted(signal);
  removeListener();
  await carriedOut;
}

/** Calls `look` at each change of a folder. Costs nothing in between. */
async function watch(path: string, look: () => void, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  using watcher = Deno.watchFs(path, { recursive: false });
  const close = () => watcher.close();
  signal.addEventListener("abort", close, { once: true });
  for await (const { kind } of watcher) {
    if (kind !== "access" && kind !== "remove") look();
  }
  signal.removeEventListener("abort", close);
}

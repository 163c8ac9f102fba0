/**
 * Carries out what programs of the same user ask through the state folder.
 *
 * @module
 */
import type { CommandCanceller } from "../commands/canceller.ts";
import { messageOf } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import type { Logger } from "../log.ts";
import { LocalRequests } from "../state/local_requests.ts";
import type { NodeEvents } from "./events.ts";
import { localStatus } from "./local_status.ts";
import { snapshotOf, type SnapshotParts } from "./snapshot.ts";

/** Where requests to cancel are stored. */
type CancelStore = Pick<Journal, "unfinished" | "requestStop" | "atomically">;

/** What serving takes. */
interface LocalRequestParts extends SnapshotParts {
  readonly settings: { readonly stateFolder: string };
  readonly canceller: Pick<CommandCanceller, "cancelById">;
  readonly events: NodeEvents;
}

/**
 * Stores the requests to cancel that came while there was no node, before it is looked what has become
 * of the commands.
 */
export function storeCancelRequests(
  stateFolder: string,
  journal: CancelStore,
  logger: Logger,
): void {
  const requests = new LocalRequests(stateFolder);
  requests.create();
  requests.removeOld();
  const asked = requests.pending().filter((request) => request.type === "cancel");
  if (asked.length === 0) return;
  try {
    const unfinished = new Set(journal.unfinished().map(({ id }) => id));
    journal.atomically(() => {
      for (const { id, signal, at } of asked) {
        if (unfinished.has(id)) journal.requestStop(id, { cause: "cancelled", signal, at });
      }
    });
    for (const request of asked) requests.remove(request);
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
  const carryOut = async () => {
    for (const request of requests.pending()) {
      if (request.type === "cancel") await canceller.cancelById(request.id, request.signal);
      else {
        const status = localStatus(snapshotOf(parts));
        await requests.answer(request.nonce, status).catch((error) =>
          logger.error(`Cannot answer a program that asks for the status: ${messageOf(error)}`)
        );
      }
      requests.remove(request);
    }
  };
  let carriedOut = Promise.resolve();
  const look = () => {
    carriedOut = carriedOut.then(carryOut).catch((error) =>
      logger.error(`Cannot carry out what was asked through the state folder: ${messageOf(error)}`)
    );
  };
  // Where a change goes unseen, as in a folder that another computer serves.
  const removeListener = events.on("heartbeat", look);
  look();
  try {
    await watch(requests.path, look, signal);
  } catch (error) {
    logger.warn(`Cannot watch ${requests.path}: ${messageOf(error)}; looking at each heartbeat`);
  }
  if (!signal.aborted) {
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  }
  removeListener();
  await carriedOut;
}

/** Calls `look` at each change of a folder. Costs nothing while there is none. */
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

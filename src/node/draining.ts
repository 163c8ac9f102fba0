/**
 * When a node has nothing left to do.
 *
 * @module
 */
import { BrokerError, counted } from "../errors.ts";
import { type Clock, orAbort, within } from "../time.ts";
import type { Acceptor } from "../commands/accept.ts";
import type { CommandQueue } from "../commands/queue.ts";
import type { Uploads } from "../commands/uploads.ts";
import type { LogStream } from "../logs/log_stream.ts";
import type { MqttConnection } from "../mqtt/connection.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { Executors } from "./create/create_executors.ts";
import type { NodeEvents } from "./events.ts";
import type { PoolMember } from "./pool.ts";

/** The parts that may have something left to do. */
interface DrainingParts {
  readonly acceptor: Pick<Acceptor, "isDeciding" | "decided">;
  readonly queue: CommandQueue;
  readonly executors: Executors;
  readonly connection: Pick<MqttConnection, "connected" | "whenConnected">;
  readonly pool: Pick<PoolMember, "leave"> | undefined;
  readonly uploads: Uploads;
  readonly outbox: Outbox;
  readonly logStream: LogStream | undefined;
  readonly events: NodeEvents;
  readonly clock: Clock;
}

/** Resolves when no command is being accepted, waits or runs, and no result is being sent. */
async function whenIdle({ acceptor, queue, uploads }: DrainingParts): Promise<void> {
  while (acceptor.isDeciding || !queue.isEmpty || uploads.commands().length > 0) {
    await acceptor.decided();
    await queue.whenEmpty();
    await uploads.done();
  }
}

/**
 * Resolves when all commands have ended, their replies are delivered, and workers and servers have
 * ended, or when `signal` aborts.
 *
 * @throws {BrokerError} if the broker has refused all that is left for `patienceMs`
 */
export async function whenDone(
  parts: DrainingParts,
  patienceMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { outbox, logStream, pool, clock } = parts;
  await pool?.leave(signal, patienceMs);
  await orAbort(whenIdle(parts), signal);
  const left = await outbox.drained(signal, patienceMs);
  await within(patienceMs, clock, async (tooLate) => {
    await logStream?.drain(AbortSignal.any([tooLate, signal]));
  });
  if (signal.aborted) return;
  await unloadAll(parts);
  if (left === 0) return;
  throw new BrokerError(`The broker refuses what is left to send: ${counted(left, "message")}`, {
    hint: "They are kept for the next start: let this node's user publish on its response topic",
  });
}

/** Ends workers and servers: a node that does not come back holds no GPU. */
export async function unloadAll({ executors }: Pick<DrainingParts, "executors">): Promise<void> {
  await Promise.all(executors.byName.values().map((executor) => executor.unload?.()));
}

/** Resolves when there was a broker and nothing to do for `idleMs`, or rejects when `signal` aborts. */
export async function whenIdleFor(
  idleMs: number,
  parts: DrainingParts,
  signal: AbortSignal,
): Promise<void> {
  const { clock, events, connection } = parts;
  let since = clock.monotonic();
  const note = () => since = clock.monotonic();
  const removers = (["accepted", "ended", "connection"] as const).map((name) =>
    events.on(name, note)
  );
  try {
    for (;;) {
      await orAbort(whenIdle(parts), signal);
      if (!connection.connected) {
        // A broker that is away may hold messages for this node.
        await connection.whenConnected(signal);
        note();
        continue;
      }
      const left = since + idleMs - clock.monotonic();
      if (left <= 0) return;
      await clock.sleep(left, signal);
    }
  } finally {
    for (const remove of removers) remove();
  }
}

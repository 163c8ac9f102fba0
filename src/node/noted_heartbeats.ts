/**
 * Heartbeats, recorded and reported.
 *
 * @module
 */
import type { Backend } from "../backend/backend.ts";
import type { HeartbeatApi } from "../registration/heartbeat.ts";
import type { Clock } from "../time.ts";
import type { CurrentIdentity } from "./current_identity.ts";
import type { NodeEvents } from "./events.ts";

/** What heartbeats are recorded with. */
interface NotedHeartbeatsParts {
  readonly backend: Pick<Backend, "heartbeat">;
  readonly identity: CurrentIdentity;
  readonly events: NodeEvents;
  readonly clock: Clock;
}

/**
 * Sends heartbeats; each one that the backend has accepted is recorded and reported as an event.
 */
export function notedHeartbeats(
  { backend, identity, events, clock }: NotedHeartbeatsParts,
): HeartbeatApi {
  return {
    async heartbeat(instance, signal) {
      const answer = await backend.heartbeat(instance, signal);
      if (answer !== "alive") return answer;
      identity.lastHeartbeat = clock.now();
      events.emit("heartbeat", { at: identity.lastHeartbeat });
      return answer;
    },
  };
}

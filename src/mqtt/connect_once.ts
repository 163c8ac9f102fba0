/**
 * A connection to a broker for a single purpose, without a session that the broker keeps.
 *
 * @module
 */
import type { Failure, ProtocolVersion } from "./failure.ts";
import type { Broker } from "./broker.ts";
import { MqttLink } from "./link.ts";
import type { Inbound } from "./message.ts";

/** Where the broker is and how to identify oneself there. */
export type Visit = Omit<Broker, "clientId" | "forget">;

/** A link, or why there is none. */
type Visited =
  | { readonly link: MqttLink; readonly version: ProtocolVersion }
  | { readonly failure: Failure };

/**
 * Connects with MQTT 5, or 3.1.1 where the broker does not speak that. The client id is random, so
 * that nobody's session is taken over, and starts with `purpose`. Throws the reason of `signal` when
 * that aborts first.
 */
export async function connectOnce(
  broker: Visit,
  purpose: string,
  signal: AbortSignal,
  onMessage: (message: Inbound) => void = () => {},
): Promise<Visited> {
  const random = crypto.getRandomValues(new Uint8Array(8)).toHex();
  const visit = { ...broker, clientId: `${purpose}-${random}`, forget: true };
  let failure: Failure | undefined;
  for (const version of [5, 4] as const) {
    signal.throwIfAborted();
    const link = new MqttLink(visit, version, { onMessage });
    const close = () => link.close();
    signal.addEventListener("abort", close, { once: true });
    const accepted = await link.accepted;
    signal.removeEventListener("abort", close);
    if (accepted) return { link, version };
    failure = await link.closed;
    signal.throwIfAborted();
    if (failure.kind !== "version" && failure.kind !== "silence") break;
  }
  return { failure: failure! };
}

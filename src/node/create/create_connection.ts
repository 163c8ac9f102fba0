/**
 * The node's connections to the broker: its own, and the one to its pool.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { CommandMessage } from "../../commands/packet.ts";
import type { Settings } from "../../config/config.ts";
import { quoted } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { type Inbound, MqttConnection, type MqttConnectionOptions } from "../../mqtt/connection.ts";
import { poolSubscription } from "../../protocol/topics.ts";
import type { ApiToken } from "../../registration/token.ts";
import { isDiskFull } from "../../state/private_folder.ts";
import type { Clock } from "../../time.ts";
import { brokerOf } from "./broker_settings.ts";
import type { CommandParts } from "./command_parts.ts";
import type { Executors } from "./create_executors.ts";
import type { CurrentIdentity } from "../current_identity.ts";
import type { NodeEvents } from "../events.ts";
import { hasRoom, PoolMember } from "../pool.ts";
import { reportRefusedStatus } from "../publisher.ts";

/** What a connection is made from. */
interface ConnectionOptions {
  readonly settings: Settings & { readonly token: string };
  readonly events: NodeEvents;
  readonly loggerFor: (component: string) => Logger;
}

/** What the connections of a node share. */
export interface Connected {
  readonly clientId: string;
  readonly identity: CurrentIdentity;
  readonly token: ApiToken;
  receive(message: CommandMessage): Promise<void>;
}

/** The node's own connection. */
export function createConnection(
  options: ConnectionOptions,
  { answersTopic, statusTopic, onConnected, ...shared }: Connected & {
    /** The topic on which the platform answers statuses. */
    readonly answersTopic: string;
    /** The topic on which all nodes of the pool are asked for their status, if there is a pool. */
    readonly statusTopic: string | undefined;
    onConnected(): void;
  },
): MqttConnection {
  const { events } = options;
  const { identity, receive } = shared;
  const logger = options.loggerFor("mqtt");
  return connectionOf(options, shared, {
    logger,
    onMessage: (message: Inbound) => {
      // A resumed session may still hold topics of an earlier identity.
      if (identity.commandTopics.includes(message.topic)) return receive(message);
      if (message.topic === statusTopic) return receive({ ...message, isBroadcast: true });
      if (message.topic === answersTopic) return reportRefusedStatus(message, logger);
      logger.warn(`Ignored a message for another node, on ${quoted(message.topic)}`);
    },
    onConnected: () => {
      onConnected();
      events.emit("connection", { isConnected: true });
    },
    onDisconnected: () => events.emit("connection", { isConnected: false }),
  });
}

/** The connection to the pool that the settings name, if they name one. */
export function createPoolMember(
  options: ConnectionOptions,
  shared: Connected & Pick<CommandParts, "queue" | "acceptor"> & {
    readonly topicPrefix: string;
    readonly clock: Clock;
    readonly executors: Executors;
    readonly workloadsFolder: string;
    /** How many commands of a kind may wait now. */
    prefetch(): number;
  },
): PoolMember | undefined {
  const { settings, events } = options;
  const { pool: name } = settings;
  if (name === undefined) return undefined;
  const { queue, acceptor, executors, workloadsFolder, receive } = shared;
  const { kinds } = executors;
  const topic = settings.poolTopic ?? poolSubscription(shared.topicPrefix, name);
  const logger = options.loggerFor("pool");
  // Another topic needs another session: this one could not unsubscribe from the old topic.
  const digest = createHash("sha256").update(topic).digest("hex").slice(0, 8);
  const client = { ...shared, clientId: `${shared.clientId}-pool-${digest}` };
  return new PoolMember({
    ...{ name, topic, events, logger, clock: shared.clock },
    connect: (receiver) => connectionOf(options, client, { ...receiver, logger }),
    receive: (message) => receive({ ...message, isPooled: true }),
    hasRoom: () =>
      !acceptor.isDraining && !isDiskFull(workloadsFolder) &&
      hasRoom(
        kinds.map((kind) => ({ ...queue.lane(kind), ...executors.of(kind).status() })),
        shared.prefetch(),
      ),
  });
}

/**
 * A connection as this node, which looks for another token when the broker rejects the password.
 */
function connectionOf(
  { settings }: ConnectionOptions,
  { clientId, identity, token }: Connected,
  own:
    & Pick<MqttConnectionOptions, "logger" | "onMessage" | "onConnected" | "onDisconnected">
    & Pick<MqttConnectionOptions, "onRefusedTopic">,
): MqttConnection {
  return new MqttConnection({
    ...brokerOf(settings),
    ...own,
    clientId,
    get username() {
      return settings.mqttUsername ?? identity.current?.uuid;
    },
    get password() {
      return settings.mqttPassword ?? token.value;
    },
    onFailure: ({ refused }) => {
      // The connection is retried in any case, here with another token if there is one.
      if (refused === "credentials") void token.refused(token.value);
    },
  });
}

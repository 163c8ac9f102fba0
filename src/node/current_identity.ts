/**
 * Who a node is now, and the topics that follow from that.
 *
 * @module
 */
import type { ReplyAddress } from "../commands/reply.ts";
import { commandTopic, responseTopic } from "../protocol/topics.ts";
import type { Identity } from "../registration/identity.ts";

/**
 * The identity of a node: none until it is registered, and another one when the backend replaces
 * it.
 */
export class CurrentIdentity {
  readonly #prefix: string;
  #current: Identity | undefined;
  /** When the backend accepted the last heartbeat, in milliseconds since the epoch. */
  lastHeartbeat: number | undefined;

  /** Begins without one. `prefix` stands in front of every topic. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The identity; `undefined` before registration. */
  get current(): Identity | undefined {
    return this.#current;
  }

  /** The identity of a node that is registered. */
  get registered(): Identity {
    if (this.#current === undefined) throw new Error("The node is not registered yet");
    return this.#current;
  }

  /** Sets it. */
  set(identity: Identity): void {
    this.#current = identity;
  }

  /** The topics on which commands for this node come; none before registration. */
  get commandTopics(): string[] {
    if (this.#current === undefined) return [];
    const { uuid, slug } = this.#current;
    return [uuid, slug].map((name) => commandTopic(this.#prefix, name));
  }

  /** Who replies, and on which topic. */
  get replyAddress(): ReplyAddress {
    const { slug, uuid } = this.registered;
    return { slug, uuid, topic: responseTopic(this.#prefix, uuid) };
  }
}

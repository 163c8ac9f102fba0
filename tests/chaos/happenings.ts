/** What was done to whom, and when. */
import type { Course } from "./customer.ts";
import { FORMS } from "./task.ts";
import type { Disturbance, Ledger } from "./verdict.ts";

/** Output and replies follow a workload's end by less than this. */
const AFTERMATH_MS = 2_000;

/** What chaos did, as far as it may show in a reply. */
export class Happenings {
  readonly #brokerKills: number[] = [];
  readonly #kills: { readonly session: number; readonly at: number }[] = [];
  readonly #nodeEnds: number[] = [];
  readonly #full: { readonly from: number; to: number }[] = [];

  /** A broker is killed. */
  brokerKilled(): void {
    this.#brokerKills.push(performance.now());
  }

  /** A node is killed or stopped. */
  nodeEnded(): void {
    this.#nodeEnds.push(performance.now());
  }

  /** A process of this session is killed. */
  processKilled(session: number): void {
    this.#kills.push({ session, at: performance.now() });
  }

  /** The disk is full from now on, until what is returned is called. */
  diskFull(): () => void {
    const window = { from: performance.now(), to: Infinity };
    this.#full.push(window);
    return () => window.to = performance.now();
  }

  /** How often each thing happened. */
  get counts(): { readonly kills: number; readonly full: number; readonly brokerKills: number } {
    const [kills, full, brokers] = [this.#kills, this.#full, this.#brokerKills];
    return { kills: kills.length, full: full.length, brokerKills: brokers.length };
  }

  /** What happened to a task; `known` are the sessions that were not there for it. */
  to(
    { task, sentAt, answeredAt }: Course,
    { sessions }: Ledger,
    known: ReadonlySet<number>,
  ): Disturbance {
    const until = (answeredAt ?? Infinity) + AFTERMATH_MS;
    const isLoaded = FORMS[task.kind] !== "process";
    const during = (at: number) => at >= sentAt && at <= until;
    // A worker or server takes commands until the node sees that its supervisor was killed.
    const nearby = (at: number) => during(isLoaded ? at + AFTERMATH_MS : at) || during(at);
    return {
      killed: this.#kills.some(({ session, at }) => sessions.includes(session) && nearby(at)),
      nearKill: this.#kills.some(({ session, at }) => !known.has(session) && nearby(at)),
      nodeEnded: isLoaded && this.#nodeEnds.some(during),
      diskFull: this.#full.some(({ from, to }) => from <= until && to >= sentAt),
      brokerKills: this.#brokerKills.filter((at) => at >= sentAt).length,
    };
  }
}

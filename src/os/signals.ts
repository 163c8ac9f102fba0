/**
 * Signals that stop a node.
 *
 * @module
 */
import { OS } from "./current.ts";
import { ignoresHangup } from "./hangup.ts";

/** What signals do. */
interface Signalled {
  /** Stops now. */
  stop(): void;
  /** Takes no new commands, and stops when all is done. */
  drain(): void;
}

/** What signals have asked this process to do, from the moment on when it listens to them. */
export interface StopRequests {
  /** Aborts at the first signal that ends a node. */
  readonly stop: AbortSignal;
  /** Aborts at a signal that lets a node finish first. */
  readonly drain: AbortSignal;
}

/**
 * Notes signals as long as the process lasts, also while there is no node yet to stop. The second
 * one that ends a node has its default effect.
 */
export function catchSignals(): StopRequests {
  const [stop, drain] = [new AbortController(), new AbortController()];
  listenForSignals({ stop: () => stop.abort(), drain: () => drain.abort() });
  return { stop: stop.signal, drain: drain.signal };
}

/**
 * Lets signals stop `what`, until it is disposed. Once one has come that ends it, the next one has
 * its default effect: it kills. SIGHUP stays ignored where it was, as under nohup(1).
 */
export function listenForSignals(what: Signalled): Disposable {
  const isHangupIgnored = ignoresHangup();
  const endSignals = OS.endSignals.filter((signal) => signal !== "SIGHUP" || !isHangupIgnored);
  const drain = () => what.drain();
  const end = () => {
    stopListening();
    what.stop();
  };
  const stopListening = () => {
    for (const signal of endSignals) Deno.removeSignalListener(signal, end);
    for (const signal of OS.drainSignals) Deno.removeSignalListener(signal, drain);
  };
  // For as long as the process lasts: Deno ends at a SIGHUP that nobody listens to, even where the
  // system would ignore it.
  if (isHangupIgnored) Deno.addSignalListener("SIGHUP", () => {});
  for (const signal of endSignals) Deno.addSignalListener(signal, end);
  for (const signal of OS.drainSignals) Deno.addSignalListener(signal, drain);
  return { [Symbol.dispose]: stopListening };
}

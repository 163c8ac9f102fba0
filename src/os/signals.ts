/**
 * Signals that end a node.
 *
 * @module
 */
import { OS } from "./current.ts";
import { ignoresHangup } from "./hangup.ts";

/** What signals do. */
export interface Signalled {
  /** Ends now. */
  end(): void;
  /** Takes nothing new, and ends when all is done. */
  drain(): void;
}

/**
 * Lets signals end `what`, until it is disposed. Once one has come that ends it, the next one has
 * its default effect: it kills. SIGHUP stays ignored where it was, as under nohup(1).
 */
export function listenForSignals(what: Signalled): Disposable {
  const isHangupIgnored = ignoresHangup();
  const endSignals = OS.endSignals.filter((signal) => signal !== "SIGHUP" || !isHangupIgnored);
  const drain = () => what.drain();
  const ignore = () => {};
  const end = () => {
    stopListening();
    what.end();
  };
  const stopListening = () => {
    if (isHangupIgnored) Deno.removeSignalListener("SIGHUP", ignore);
    for (const signal of endSignals) Deno.removeSignalListener(signal, end);
    for (const signal of OS.drainSignals) Deno.removeSignalListener(signal, drain);
  };
  // Deno ends at a SIGHUP that nobody listens to, even where the system would ignore it.
  if (isHangupIgnored) Deno.addSignalListener("SIGHUP", ignore);
  for (const signal of endSignals) Deno.addSignalListener(signal, end);
  for (const signal of OS.drainSignals) Deno.addSignalListener(signal, drain);
  return { [Symbol.dispose]: stopListening };
}

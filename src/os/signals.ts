/**
 * Signals that end a node.
 *
 * @module
 */
import { OS } from "./current.ts";

/** What signals do. */
export interface Signalled {
  /** Ends now. */
  end(): void;
  /** Takes nothing new, and ends when all is done. */
  drain(): void;
}

/**
 * Lets signals end `what`, until it is disposed. Once one has come that ends it, the next one has
 * its default effect: it kills.
 */
export function listenForSignals(what: Signalled): Disposable {
  const drain = () => what.drain();
  const end = () => {
    stopListening();
    what.end();
  };
  const stopListening = () => {
    for (const signal of OS.endSignals) Deno.removeSignalListener(signal, end);
    for (const signal of OS.drainSignals) Deno.removeSignalListener(signal, drain);
  };
  for (const signal of OS.endSignals) Deno.addSignalListener(signal, end);
  for (const signal of OS.drainSignals) Deno.addSignalListener(signal, drain);
  return { [Symbol.dispose]: stopListening };
}

/**
 * Signals that end a node.
 *
 * @module
 */

/** What signals do. */
export interface Signalled {
  /** Ends now. */
  end(): void;
  /** Takes nothing new, and ends when all is done. */
  drain(): void;
}

const WINDOWS = Deno.build.os === "windows";
const END_SIGNALS: readonly Deno.Signal[] = WINDOWS
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGTERM", "SIGINT", "SIGHUP"];
const DRAIN_SIGNALS: readonly Deno.Signal[] = WINDOWS ? [] : ["SIGQUIT"];

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
    for (const signal of END_SIGNALS) Deno.removeSignalListener(signal, end);
    for (const signal of DRAIN_SIGNALS) Deno.removeSignalListener(signal, drain);
  };
  for (const signal of END_SIGNALS) Deno.addSignalListener(signal, end);
  for (const signal of DRAIN_SIGNALS) Deno.addSignalListener(signal, drain);
  return { [Symbol.dispose]: stopListening };
}

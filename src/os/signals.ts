/**
 * Signals that stop a node.
 *
 * @module
 */
import { OS } from "./current.ts";
import { hasTerminal, ignoresHangup } from "./hangup.ts";

/** What signals do. */
interface Signalled {
  /** Stops now. */
  stop(): void;
  /** Takes no new commands, and stops when all is done. */
  drain(): void;
  /** Reads the configuration again: at SIGHUP without a terminal. */
  reload?(): void;
}

/** What signals have asked this process to do since it has listened to them. */
export interface StopRequests {
  /** Aborts at the first signal that ends a node. */
  readonly stop: AbortSignal;
  /** Aborts at a signal that lets a node finish first. */
  readonly drain: AbortSignal;
  /** Gets a `reload` event at each signal that asks to read the configuration again. */
  readonly reloads: EventTarget;
}

/**
 * Notes signals as long as the process lasts, also while there is no node yet to stop. The second
 * one that ends a node has its default effect. `canReload`: there is a configuration to read again.
 */
export function catchSignals(canReload: boolean): StopRequests {
  const [stop, drain] = [new AbortController(), new AbortController()];
  const reloads = new EventTarget();
  listenForSignals({
    stop: () => stop.abort(),
    drain: () => drain.abort(),
    ...(canReload && { reload: () => void reloads.dispatchEvent(new Event("reload")) }),
  });
  return { stop: stop.signal, drain: drain.signal, reloads };
}

/**
 * Lets signals stop `what`, until it is disposed. Once one has come that ends it, the next one has
 * its default effect: it kills. SIGHUP stays ignored where it was, as under nohup(1).
 */
export function listenForSignals(what: Signalled): Disposable {
  const isHangupIgnored = ignoresHangup();
  const { reload } = isHangupIgnored || hasTerminal() ? {} : what;
  const endSignals = OS.endSignals.filter((signal) =>
    signal !== "SIGHUP" || (!isHangupIgnored && reload === undefined)
  );
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
  else if (reload !== undefined && OS.endSignals.includes("SIGHUP")) {
    Deno.addSignalListener("SIGHUP", () => what.reload?.());
  }
  for (const signal of endSignals) Deno.addSignalListener(signal, end);
  for (const signal of OS.drainSignals) Deno.addSignalListener(signal, drain);
  return { [Symbol.dispose]: stopListening };
}

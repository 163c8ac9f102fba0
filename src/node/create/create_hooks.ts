/**
 * The hooks of a node.
 *
 * @module
 */
import type { Settings } from "../../config/config.ts";
import type { Clock } from "../../time.ts";
import type { CurrentIdentity } from "../current_identity.ts";
import type { NodeEvents } from "../events.ts";
import { Hooks } from "../hooks.ts";
import { type HookContext, runHook } from "../run_hook.ts";

/** What hooks learn about the node. */
interface HookedNode {
  readonly settings: Settings;
  readonly events: NodeEvents;
  readonly identity: CurrentIdentity;
  readonly clock: Clock;
}

/** Makes the hooks that the settings name. */
export function createHooks(
  { settings, events, identity, clock }: HookedNode,
  { env, host, logger }: Pick<HookContext, "env" | "host" | "logger">,
): Hooks {
  const context = { workFolder: settings.workFolder, env, host, clock, logger };
  return new Hooks({
    settings,
    events,
    clock,
    logger,
    identity: () => identity.current,
    run: (name, source, event, stopped) => runHook(name, source, event, { ...context, stopped }),
  });
}

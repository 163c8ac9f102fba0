/**
 * The handlers of a program that embeds a node, checked, and the settings that follow from them.
 *
 * @module
 */
import type { Settings } from "../config/config.ts";
import type { ValueType } from "../config/values/value_type.ts";
import { count, positiveCount, positiveSeconds, seconds } from "../config/values/numbers.ts";
import { unknownKeys } from "../config/known_keys.ts";
import { ConfigError, quoted } from "../errors.ts";
import type { Handler, HandlerOptions } from "../executors/handler/handler.ts";
import { isKindName, isWorkloadKind } from "../protocol/kinds.ts";

/**
 * Functions of the program that run commands, by the names of the commands, which may be the
 * program's own.
 *
 * @example
 * ```ts
 * import { CloudNode, type Handlers } from "@cyberwave/cloud-node";
 *
 * const handlers: Handlers = {
 *   inference: ({ x }) => ({ answer: 2 * Number(x) }),
 *   calibrate: { run: () => ({ offset: 0.2 }), timeout: 60 },
 * };
 * new CloudNode({ handlers });
 * ```
 */
// deno-lint-ignore no-explicit-any
export type Handlers = Readonly<Record<string, Handler<any> | HandlerOptions>>;

/** The settings that each kind of command has for itself. */
type KindSettings = Pick<Settings, "concurrency" | "maxQueued" | "timeout" | "cancelGrace">;

const TYPES: Readonly<Record<keyof KindSettings, ValueType<number>>> = {
  concurrency: positiveCount,
  maxQueued: count,
  timeout: positiveSeconds,
  cancelGrace: seconds,
};

/** The defaults for names that the configuration does not know. */
const DEFAULTS = { concurrency: 1, maxQueued: 10_000, cancelGrace: 10 };

/**
 * Settings in which each handler has its own.
 *
 * @throws {ConfigError} if a name or an option is wrong, or a command has a template as well
 */
export function withHandlers(settings: Settings, handlers: Handlers): Settings {
  const problems: string[] = [];
  const own: Record<keyof KindSettings, Record<string, number>> = {
    concurrency: {},
    maxQueued: {},
    timeout: {},
    cancelGrace: {},
  };
  for (const [name, handler] of Object.entries(handlers)) {
    problems.push(...problemsOf(name, handler, settings));
    for (const key of Object.keys(TYPES) as (keyof KindSettings)[]) {
      const given = typeof handler === "function" ? undefined : handler?.[key];
      const parsed = given === undefined ? { value: given } : TYPES[key].parse(given);
      if ("problem" in parsed) problems.push(`handlers.${name}.${key} ${parsed.problem}`);
      const value = "value" in parsed ? parsed.value : undefined;
      const byDefault = isWorkloadKind(name) || key === "timeout" ? undefined : DEFAULTS[key];
      const holds = value ?? byDefault;
      if (holds !== undefined) own[key][name] = holds;
    }
  }
  if (problems.length > 0) throw new ConfigError(problems.join("\n"));
  return {
    ...settings,
    concurrency: { ...settings.concurrency, ...own.concurrency },
    maxQueued: { ...settings.maxQueued, ...own.maxQueued },
    timeout: { ...settings.timeout, ...own.timeout },
    cancelGrace: { ...settings.cancelGrace, ...own.cancelGrace },
  };
}

/** The functions alone, by the names of their commands. */
export function handlersByName(handlers: Handlers): Map<string, Handler> {
  return new Map(
    Object.entries(handlers).map(([name, handler]) => [
      name,
      typeof handler === "function" ? handler : handler.run,
    ]),
  );
}

function problemsOf(name: string, handler: unknown, settings: Settings): string[] {
  const problems: string[] = [];
  if (!isKindName(name)) problems.push(`handlers has ${quoted(name)}, which can name no command`);
  const run = typeof handler === "function" ? handler : (handler as HandlerOptions | null)?.run;
  if (typeof run !== "function") {
    problems.push(`handlers.${name} must be a function, or an object with a function "run"`);
  }
  if (typeof run === "function" && run !== handler) {
    problems.push(
      ...unknownKeys(handler as HandlerOptions, ["run", ...Object.keys(TYPES)], "option"),
    );
  }
  if (isWorkloadKind(name) && settings[name] !== undefined) {
    problems.push(`${name} has a handler, and the configuration says what runs it as well`);
  }
  return problems;
}

/**
 * Reads what runs the commands of a kind: a text, or a mapping.
 *
 * @module
 */
import type { ClusterType } from "./cluster_programs.ts";
import { CLUSTER_TYPES, clusterProgram } from "./cluster_value.ts";
import { isWarm, type Program } from "./workload_program.ts";
import {
  PROGRAM_FORMS,
  PROGRAM_KEY_NAMES,
  type ProgramForm,
  programKey,
  type ProgramKeyName,
} from "./program_keys.ts";
import { inCamelCase, isMapping } from "../sources.ts";
import { type Parsed, type Problem, refuse, template, type ValueType } from "../values/values.ts";

/** The keys that start something that runs commands. */
const MAKERS = PROGRAM_FORMS;

/** The keys that are only for a server that the node starts. */
const OF_STARTED = ["unload_timeout", "keep_loaded", "yield_to"] as const;

/** The values of a mapping's keys. */
type Values = Partial<Record<ProgramKeyName, unknown>>;

/** What runs the commands of a kind. */
export const program: ValueType<Program> = {
  parse(value) {
    if (isMapping(value)) return parseMapping(value);
    if (typeof value !== "string") {
      return refuse(`a shell command, or a mapping with ${MAKERS.join(", ")} or url`, value);
    }
    const parsed = template.parse(value);
    return "problem" in parsed ? parsed : { value: { type: "command", command: parsed.value } };
  },
  format: (program) => program.type === "command" ? program.command : formatMapping(program),
  keys: PROGRAM_KEY_NAMES,
};

function parseMapping(given: Readonly<Record<string, unknown>>): Parsed<Program> {
  const isGiven = (name: ProgramKeyName) => (given[name] ?? undefined) !== undefined;
  const names = PROGRAM_KEY_NAMES.filter(isGiven);
  const makers = MAKERS.filter(isGiven);
  if (makers.length > 1) return { problem: `must have only one of ${makers.join(" and ")}` };
  const form = makers[0] ?? (isGiven("url") ? "server" : undefined);
  if (form === undefined) return { problem: `must have one of ${MAKERS.join(", ")}, url` };
  if (form === "server" && !isGiven("url")) {
    return { problem: "must have a url beside server: where it takes commands" };
  }
  const foreign = names.find((name) => !programKey(name).forms.includes(form));
  if (foreign !== undefined) {
    const forms = programKey(foreign).forms.join(" or ");
    return { problem: `must not have ${foreign} beside ${form}: it belongs to ${forms}` };
  }
  const useless = OF_STARTED.find((name) => isGiven(name));
  if (makers.length === 0 && useless !== undefined) {
    return {
      problem: `must not have ${useless} beside url alone: the node does not start that server`,
    };
  }
  const values: Values = {};
  for (const name of PROGRAM_KEY_NAMES) {
    const key = programKey(name);
    const parsed = isGiven(name) ? key.type.parse(given[name]) : { value: key.default };
    if ("problem" in parsed) return wrong(name, parsed);
    values[name] = parsed.value;
  }
  return programOf(form, values);
}

/** A program of values that have the types of their keys. */
function programOf(form: ProgramForm, values: Values): Parsed<Program> {
  if (form === "command") {
    return { value: { type: "command", command: values.command as string } };
  }
  if (isCluster(form)) return { value: values[form] as Program };
  const { concurrency, ready_timeout, unload_timeout, keep_loaded, yield_to, ready } = values;
  const warm = {
    concurrency,
    readyTimeout: ready_timeout,
    unloadTimeout: unload_timeout,
    keepLoaded: keep_loaded,
    yieldTo: yield_to,
  };
  if (form === "worker") {
    if (ready !== undefined && typeof ready !== "boolean") {
      return wrong("ready", { problem: "must be true or false beside worker" });
    }
    const { worker: command, workers, restart_after: restartAfter } = values;
    const own = { command, workers, restartAfter, ready: ready ?? true };
    return { value: { type: "worker", ...warm, ...own } as Program };
  }
  if (typeof ready === "boolean") {
    return wrong("ready", { problem: "must be a URL beside server" });
  }
  const { server: command, url, wrap, unwrap, api, headers } = values;
  const own = { command, url, ready, wrap, unwrap, api, headers };
  return { value: { type: "server", ...warm, ...own } as Program };
}

function wrong(name: ProgramKeyName, { problem, path = [] }: Problem): Problem {
  return { problem: `has an invalid value for ${name}: it ${problem}`, path: [name, ...path] };
}

function isCluster(form: ProgramForm): form is ClusterType {
  return (CLUSTER_TYPES as readonly string[]).includes(form);
}

/** A program that is not a process for each command, on one line: what is not the default. */
function formatMapping(program: Exclude<Program, { type: "command" }>): string {
  if (!isWarm(program)) {
    return `{${program.type}: ${clusterProgram(program.type).format(program)}}`;
  }
  const { type, command, ...rest } = program;
  const shown = command === undefined ? [] : [`${type}: ${command}`];
  for (const name of PROGRAM_KEY_NAMES) {
    const key = programKey(name);
    const value = (rest as Record<string, unknown>)[inCamelCase(name)];
    const isDefault = value === undefined || value === key.default ||
      (name === "ready" && value === true) || (name === "headers" && isEmpty(value));
    if (!isDefault) shown.push(`${name}: ${key.type.format(value)}`);
  }
  return `{${shown.join(", ")}}`;
}

function isEmpty(value: unknown): boolean {
  return isMapping(value) && Object.keys(value).length === 0;
}

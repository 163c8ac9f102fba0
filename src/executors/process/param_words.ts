/**
 * Params as words of a command line.
 *
 * @module
 */
import { quoted } from "../../errors.ts";
import { elementsOf } from "../../protocol/array_text.ts";
import type { ObjectText } from "../../protocol/object_text.ts";

/** A value, given as JSON, as one word: a text as it is, all else as JSON; `undefined`: none or null. */
export function wordOf(json: string | undefined): string | undefined {
  if (json === undefined || json === "null") return undefined;
  return json.startsWith('"') ? JSON.parse(json) : json;
}

/** What the platform adds to params: nothing that a program would take. */
function isOfPlatform(name: string): boolean {
  return name === "workload_uuid" || name.startsWith("cyberwave_");
}

/** Words, or why there are none. */
type Words = { readonly words: readonly string[] } | { readonly problem: string };

/**
 * Params as flags: `--key value`, once for each element of a list, `--key` alone for true, nothing for
 * false and null.
 */
export function flagWords(params: ObjectText): Words {
  const words: string[] = [];
  for (const name of params.names()) {
    if (isOfPlatform(name)) continue;
    if (!/^[A-Za-z_][\w.-]*$/.test(name)) {
      return { problem: `the param ${quoted(name)} cannot be a flag: let the template use {body}` };
    }
    const json = params.textOf(name)!;
    for (const value of json.startsWith("[") ? elementsOf(json) : [json]) {
      words.push(...flag(name, value));
    }
  }
  return { words };
}

function flag(name: string, json: string): string[] {
  const word = wordOf(json);
  if (word === undefined || json === "false") return [];
  if (json === "true") return [`--${name}`];
  // By itself it would be taken for a flag.
  return word.startsWith("-") ? [`--${name}=${word}`] : [`--${name}`, word];
}

/**
 * From words on a command line to flags and operands.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import type { FetchedFile } from "../config/load.ts";
import { nearest } from "../config/values/nearest.ts";
import { positiveSeconds } from "../config/values/values.ts";
import { ConfigError, quoted } from "../errors.ts";

/** A flag of a command that is not a setting. */
export interface Flag {
  /** Its name, without dashes. */
  readonly name: string;
  /** The letter that is short for it. */
  readonly short?: string;
  /** What the help calls its value. A flag without one is a switch. */
  readonly value?: string;
  /** Whether it may be given several times. Default: the last one counts. */
  readonly repeats?: true;
  /** What it does. */
  readonly help: string;
}

/** What may be written after a command. */
export interface Syntax {
  /** The command. */
  readonly name: string;
  /** Its operands as the help shows them, those that may be missing in brackets. */
  readonly operands: readonly string[];
  /** What the first operand may be, where that is known. */
  readonly choices?: readonly string[];
  /** Its own flags. */
  readonly flags: readonly Flag[];
  /** The flags of settings that it takes, without dashes. */
  readonly settings: readonly string[];
}

/** The flags that every command takes. */
export const COMMON_FLAGS: readonly Flag[] = [
  { name: "verbose", short: "v", help: "Show more, and stack traces" },
  { name: "help", short: "h", help: "Show this help" },
];

/** What was written after a command. */
export class Arguments {
  readonly #flags: Readonly<Record<string, unknown>>;
  /** The words that are not flags. */
  readonly operands: readonly string[];
  /** What `--config` names, where that is a URL and was fetched. */
  readonly fetchedConfig: FetchedFile | undefined;

  /** Takes what was parsed. */
  constructor(
    flags: Readonly<Record<string, unknown>>,
    operands: readonly string[],
    fetchedConfig?: FetchedFile,
  ) {
    this.#flags = flags;
    this.operands = operands;
    this.fetchedConfig = fetchedConfig;
  }

  /** The same with a config file that was fetched. */
  withConfig(fetched: FetchedFile): Arguments {
    return new Arguments(this.#flags, this.operands, fetched);
  }

  /** Whether a switch is on. */
  has(name: string): boolean {
    return this.#flags[name] === true;
  }

  /** The value of a flag, if it was given. */
  value(name: string): string | undefined {
    const value = this.#flags[name];
    return typeof value === "string" ? value : undefined;
  }

  /** The values of a flag that may be given several times. */
  values(name: string): readonly string[] {
    return (this.#flags[name] ?? []) as readonly string[];
  }

  /** The value of a flag that is a number of seconds. */
  seconds(name: string): number | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    const parsed = positiveSeconds.parse(value);
    if ("problem" in parsed) throw new ConfigError(`--${name} ${parsed.problem}`);
    return parsed.value;
  }

  /** The flags by their names, for `loadSettings`. */
  get flags(): Readonly<Record<string, unknown>> {
    return this.#flags;
  }
}

/**
 * Reads `args`, which follow the command.
 *
 * @throws {ConfigError} when there is something that the command does not take, or too little
 */
export function parseArguments(args: readonly string[], syntax: Syntax): Arguments {
  const flags = [...syntax.flags, ...COMMON_FLAGS];
  const switches = flags.filter(({ value }) => value === undefined).map(({ name }) => name);
  const valued = flags.filter(({ value }) => value !== undefined).map(({ name }) => name);
  const names = [...switches, ...valued, ...syntax.settings];
  const unknown: string[] = [];
  const { _: operands, ...values } = parseArgs([...args], {
    boolean: switches,
    // Operands too: an id such as 007 is no number.
    string: [...valued, ...syntax.settings, "_"],
    collect: flags.filter(({ repeats }) => repeats).map(({ name }) => name),
    alias: Object.fromEntries(flags.flatMap(({ short, name }) => short ? [[short, name]] : [])),
    unknown: (arg: string, name?: string) => {
      if (name === undefined) return true;
      unknown.push(arg);
      return false;
    },
  });
  if (unknown.length > 0) throw unknownFlag(unknown[0]!, syntax, names);
  const isEmpty = (name: string) => [(values as Record<string, unknown>)[name]].flat().includes("");
  const empty = names.find(isEmpty);
  if (empty !== undefined) throw new ConfigError(`--${empty} needs a value`, seeHelp(syntax));
  const parsed = new Arguments(values, operands.map(String));
  if (!parsed.has("help")) checkOperands(parsed.operands, syntax);
  return parsed;
}

function unknownFlag(arg: string, syntax: Syntax, names: readonly string[]): ConfigError {
  const flag = arg.split("=", 1)[0]!;
  const near = nearest(flag.replace(/^-+/, ""), names);
  const question = near === undefined ? "" : `, did you mean --${near}?`;
  return new ConfigError(
    `There is no flag ${quoted(flag)} for ${quoted(syntax.name)}${question}`,
    seeHelp(syntax),
  );
}

function checkOperands(given: readonly string[], syntax: Syntax): void {
  const { name, operands } = syntax;
  const missing = operands.filter((operand) => !operand.startsWith("["))[given.length];
  if (missing !== undefined) {
    throw new ConfigError(`${quoted(name)} needs ${missing}`, seeHelp(syntax));
  }
  const stray = given[operands.length];
  if (stray !== undefined) {
    throw new ConfigError(
      `${quoted(name)} takes no argument ${quoted(stray)}`,
      seeHelp(syntax),
    );
  }
}

function seeHelp({ name }: Syntax): { hint: string } {
  return { hint: `See "cyberwave-cloud-node ${name} --help"` };
}

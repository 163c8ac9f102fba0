/**
 * A setting: its names, its type, its meaning.
 *
 * @module
 */
import type { Settings } from "../config.ts";
import type { ValueType } from "../values/values.ts";

/** A setting that can be given by a flag, a variable or a file. */
export type SettingKey = Exclude<keyof Settings, "workFolder" | "gpuLanes">;

/** One row of the table. */
export interface Setting<T = unknown> {
  /** The field of `Settings`. */
  readonly key: SettingKey;
  /** How messages call it: the key in snake case. */
  readonly name: string;
  /** The heading it stands under in the documentation. */
  readonly group: string;
  /** How its values are read and shown. */
  readonly type: ValueType<T>;
  /** What it means. */
  readonly help: string;
  /** Its value if none is given. */
  readonly default?: T;
  /** The default in words, where it depends on something. */
  readonly defaultText?: string;
  /** The flag and what its help calls the value. */
  readonly flag?: { readonly name: string; readonly value: string };
  /** The environment variables, the one that wins first. */
  readonly env: readonly string[];
  /** The keys in cyberwave.yml, the one that wins first. */
  readonly yaml: readonly string[];
  /** The key in credentials.json, beside those that are named like the variables. */
  readonly credentials?: string;
}

/** A row as it is written: a key `someName` is `some_name` and `CYBERWAVE_SOME_NAME` unless it says otherwise. */
type SettingRow<T> =
  & Omit<Setting<T>, "key" | "name" | "env" | "yaml">
  & Partial<Pick<Setting<T>, "env" | "yaml">>;

/** The rows of some settings. */
export type SettingRows<Key extends SettingKey> = {
  readonly [K in Key]: SettingRow<NonNullable<Settings[K]>>;
};

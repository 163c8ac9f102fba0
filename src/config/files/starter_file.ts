/**
 * A cyberwave.yml to start from, made from the settings table.
 *
 * @module
 */
import type { Setting } from "../settings/setting.ts";
import { SETTINGS } from "../settings/settings.ts";

/** What a starter file holds beside the defaults. */
interface Starter {
  /** Lines of comment on top. */
  readonly head: readonly string[];
  /** The settings that are in force, by their keys in the file. */
  readonly active: Readonly<Record<string, string>>;
  /** Values for settings without a default, by their keys in the file. */
  readonly examples: Readonly<Record<string, string>>;
}

/**
 * Every setting that can stand in a cyberwave.yml, with what it means: those in force first, the
 * others as comments that hold their defaults. Secrets are left to places that are not committed.
 */
export function starterFile({ head, active, examples }: Starter): string {
  const shown = SETTINGS.filter(({ yaml, type }) => yaml.length > 0 && !type.secret);
  const isActive = ({ yaml }: Setting) => yaml[0]! in active;
  const block = (setting: Setting) => {
    const key = setting.yaml[0]!;
    const line = isActive(setting)
      ? `${key}: ${active[key]}`
      : `# ${key}: ${exampleOf(setting, examples[key])}`;
    return [`  # ${setting.help.replaceAll("`", "")}`, `  ${line.trimEnd()}`];
  };
  const groups = new Set(shown.map(({ group }) => group));
  const others = [...groups].flatMap((group) => {
    const settings = shown.filter((setting) => setting.group === group && !isActive(setting));
    return settings.length === 0 ? [] : ["", `  ## ${group}`, ...settings.flatMap(block)];
  });
  return [
    ...head.map((line) => `# ${line}`.trimEnd()),
    "cyberwave-cloud-node:",
    ...shown.filter(isActive).flatMap(block),
    "",
    "  ## What is commented out shows the default, or an example where there is none",
    ...others,
    "",
  ].join("\n");
}

/** The value of a setting as it can stand in YAML. */
function exampleOf({ type, default: value }: Setting, example: string | undefined): string {
  if (example !== undefined) return example;
  if (value === undefined) return "";
  return type.format(value) === "" ? '""' : type.format(value);
}

/**
 * Two settings have "environment" in their names: the prefix of topics, and the environment that the
 * node is reserved for. A UUID tells which of them is meant.
 *
 * @module
 */

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether `value` is a UUID, which no prefix of topics is. */
export function isUuid(value: unknown): value is string {
  return typeof value === "string" && UUID.test(value);
}

/** What is wrong with a UUID in place of a prefix of topics. */
export const UUID_AS_PREFIX = "must be a prefix of topics such as dev, not a UUID: " +
  "set environment_uuid (CYBERWAVE_NODE_ENVIRONMENT_UUID, --environment-uuid) " +
  "to reserve the node for an environment";

/** The flags, with a UUID given to `--environment`, as the Python agent takes it, where it belongs. */
export function placeReservation(
  flags: Readonly<Record<string, unknown>>,
  warn: (message: string) => void,
): Readonly<Record<string, unknown>> {
  const { environment, "environment-uuid": given = environment, ...rest } = flags;
  // Two different ones are a mistake, which the setting reports.
  if (!isUuid(environment) || given !== environment) return flags;
  warn(
    `--environment ${environment} reserves the node for that environment, as --environment-uuid ` +
      "does: use that, for --environment is the prefix of topics",
  );
  return { ...rest, "environment-uuid": environment };
}

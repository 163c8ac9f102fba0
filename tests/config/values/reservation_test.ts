import { assertEquals, assertRejects } from "@std/assert";
import { loadSettings } from "../../../src/config/load.ts";
import { ConfigError } from "../../../src/errors.ts";

const UUID = "3f2504e0-4f89-11d3-9a0c-0305e82c3301";
const OTHER = "7d444840-9dc0-11d1-b245-5ffdce74fad2";

const MEANT = "must be a prefix of topics such as dev, not a UUID: " +
  "set environment_uuid (CYBERWAVE_NODE_ENVIRONMENT_UUID, --environment-uuid) " +
  "to reserve the node for an environment";

/** What is given, and where. */
interface Given {
  readonly flags?: Record<string, string>;
  readonly env?: Record<string, string>;
  readonly yaml?: Record<string, string>;
}

async function load({ flags, env = {}, yaml = {} }: Given) {
  const cwd = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${cwd}/cyberwave.yml`, JSON.stringify(yaml));
    return await loadSettings({ flags, env: { HOME: cwd, ...env }, cwd });
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
}

const UNDERSTOOD: readonly [given: Given, reservation: string | undefined, prefix: string][] = [
  [{ flags: { "environment-uuid": UUID } }, UUID, ""],
  [{ env: { CYBERWAVE_NODE_ENVIRONMENT_UUID: UUID } }, UUID, ""],
  [{ yaml: { environment_uuid: UUID } }, UUID, ""],
  [{ flags: { environment: "dev" } }, undefined, "dev"],
  [{ flags: { environment: "dev", "environment-uuid": UUID } }, UUID, "dev"],
  [{ env: { CYBERWAVE_ENVIRONMENT: "dev" }, yaml: { environment_uuid: UUID } }, UUID, "dev"],
];

for (const [given, reservation, prefix] of UNDERSTOOD) {
  Deno.test(`${JSON.stringify(given)} reserves ${reservation ?? "nothing"} with the prefix "${prefix}"`, async () => {
    const { settings, warnings } = await load(given);
    assertEquals([settings.environmentUuid, settings.environment], [reservation, prefix]);
    assertEquals(warnings, []);
  });
}

const AS_THE_PYTHON_AGENT: readonly Record<string, string>[] = [
  { environment: UUID },
  { environment: UUID, "environment-uuid": UUID },
];

for (const flags of AS_THE_PYTHON_AGENT) {
  Deno.test(`${Object.keys(flags)} with a UUID is the reservation, with a hint`, async () => {
    const { settings, warnings } = await load({ flags, env: { CYBERWAVE_ENVIRONMENT: "dev" } });
    assertEquals([settings.environmentUuid, settings.environment], [UUID, "dev"]);
    assertEquals(warnings, [
      `--environment ${UUID} reserves the node for that environment, as --environment-uuid does: ` +
      "use that, for --environment is the prefix of topics",
    ]);
  });
}

const MISTAKES: readonly [given: Given, from: string][] = [
  [{ env: { CYBERWAVE_ENVIRONMENT: UUID } }, "environment variable CYBERWAVE_ENVIRONMENT"],
  [{ yaml: { environment: UUID.toUpperCase() } }, "cyberwave.yml"],
  [{ flags: { environment: UUID, "environment-uuid": OTHER } }, "--environment"],
];

for (const [given, from] of MISTAKES) {
  Deno.test(`a UUID from ${from} as prefix is an error that says what was meant`, async () => {
    const { message } = await assertRejects(() => load(given), ConfigError);
    assertEquals(message, `environment ${MEANT} (from ${from})`);
  });
}

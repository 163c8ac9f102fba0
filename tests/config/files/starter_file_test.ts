import { assertEquals, assertStringIncludes } from "@std/assert";
import { parse } from "@std/yaml";
import { sampleFiles } from "../../../src/cli/subcommands/samples.ts";
import { readConfigFile } from "../../../src/config/files/config_file.ts";
import { examineSources } from "../../../src/config/resolve.ts";
import { SETTINGS } from "../../../src/config/settings/settings.ts";
import { yamlSource } from "../../../src/config/sources.ts";
import { starterFile } from "../../../src/config/files/starter_file.ts";

const { text } = sampleFiles({ python: "python3" }).find(({ name }) => name === "cyberwave.yml")!;
const folders = { work: "/project", home: () => "/home/me" };

/** What is wrong with a cyberwave.yml, and where its settings come from. */
function examine(yaml: string) {
  const { mapping, warnings } = readConfigFile({ root: parse(yaml), text: yaml }, "cyberwave.yml");
  const { problems, sources } = examineSources([yamlSource(mapping, "cyberwave.yml")], folders);
  return { problems: [...warnings, ...problems.map(({ message }) => message)], mapping, sources };
}

Deno.test("a starter file is valid, and nothing is in force but what is meant to be", () => {
  const { problems, mapping } = examine(text);
  assertEquals([problems, Object.keys(mapping).sort()], [
    [],
    ["inference", "mqtt_port", "training"],
  ]);
});

Deno.test("the one for a worker is valid too", () => {
  const files = sampleFiles({ python: "python3", isWorker: true });
  const { problems, mapping } = examine(files.find(({ name }) => name === "cyberwave.yml")!.text);
  assertEquals([problems, mapping.inference], [[], { worker: "python3 worker.py" }]);
});

Deno.test("everything that is commented out in a starter file may be put in force", () => {
  const { problems, mapping } = examine(text.replaceAll(/^ {2}# (\w+:( .*)?)$/gm, "  $1"));
  assertEquals(problems, []);
  const shown = SETTINGS.filter(({ yaml, type }) => yaml.length > 0 && !type.secret);
  assertEquals(Object.keys(mapping).sort(), shown.map(({ yaml }) => yaml[0]!).sort());
});

Deno.test("what a starter file shows as default is the default", () => {
  const { mapping } = examine(text.replaceAll(/^ {2}# (\w+:( .*)?)$/gm, "  $1"));
  for (const { yaml, type, default: value } of SETTINGS) {
    const shown = mapping[yaml[0]!];
    const isExample = value === undefined ||
      ["timeout", "memory_limit", "env", "exclusive", "mqtt_port"].includes(yaml[0]!);
    if (isExample || shown === undefined) continue;
    assertEquals(type.parse(shown), { value });
  }
});

Deno.test("a starter file has no place for secrets, and says what each setting means", () => {
  const bare = starterFile({ head: ["Mine", ""], active: {}, examples: {} });
  assertEquals(bare.includes("mqtt_password"), false);
  assertEquals(bare.split("\n").slice(0, 3), ["# Mine", "#", "cyberwave-cloud-node:"]);
  assertStringIncludes(bare, "\n  # Seconds between heartbeats\n  # heartbeat_interval: 30\n");
});

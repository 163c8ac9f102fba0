import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";
import {
  describeSettings,
  flagHelp,
  flagOptions,
  settingsMarkdown,
} from "../../../src/config/settings/settings_help.ts";
import { resolveSettings } from "../../../src/config/resolve.ts";
import { SETTINGS } from "../../../src/config/settings/settings.ts";
import { flagSource, variableSource, yamlSource } from "../../../src/config/sources.ts";

const folders = { work: "/project", home: () => "/home/me" };

Deno.test("flags arrive as they were written, and unknown to nobody", () => {
  const args = parseArgs(["--slug", "007", "--mqtt-port=8883"], flagOptions);
  const { settings } = resolveSettings([flagSource(args)], folders);
  assertEquals([settings.slug, settings.mqttPort], ["007", 8883]);
});

Deno.test("every flag has a line of help, with its default", () => {
  const lines = flagHelp();
  assertEquals(lines.length, flagOptions.string.length);
  assert(
    lines.every((line) => /^ {2}--[a-z-]+ [A-Z]+ {2,}[A-Z].*\)$/.test(line)),
    lines.join("\n"),
  );
  assertStringIncludes(
    lines.join("\n"),
    "  --mqtt-port PORT              The MQTT broker's port (default: 1883)",
  );
});

Deno.test("the effective settings are described with where they came from, secrets masked", () => {
  const sources = [
    variableSource(
      { CYBERWAVE_API_TOKEN: "hunter2hunter2", CYBERWAVE_MQTT_PASSWORD: "hunter3hunter3" },
      (name) => `environment variable ${name}`,
    ),
    yamlSource({ inference: "a &&\nb {body}", concurrency: { training: 2 } }, "cyberwave.yml"),
  ];
  const lines = describeSettings(resolveSettings(sources, folders));
  for (
    const line of [
      "token = *** (from environment variable CYBERWAVE_API_TOKEN)",
      "mqtt_password = *** (from environment variable CYBERWAVE_MQTT_PASSWORD)",
      'inference = "a &&\\nb {body}" (from cyberwave.yml)',
      "concurrency = inference=1,training=2,simulate=1 (from cyberwave.yml)",
      'environment = "" (default)',
      "max_output = 4 MiB (default)",
      "timeout = none (default)",
      "mqtt_use_tls = false (default)",
    ]
  ) assert(lines.includes(line), `${line} is not in:\n${lines.join("\n")}`);
  assert(!lines.join("\n").includes("hunter"));
  assert(!lines.some((line) => line.startsWith("training")));
});

Deno.test("the settings as Markdown name every key, variable and flag", () => {
  const markdown = settingsMarkdown();
  for (const { yaml, env, flag, help } of SETTINGS) {
    const names = [...yaml, ...env, ...flag ? [`--${flag.name}`] : []];
    for (const name of names) assertStringIncludes(markdown, `\`${name}\``);
    assertStringIncludes(markdown, `| ${help} `);
  }
});

Deno.test("the settings as Markdown look as deno fmt leaves them", async () => {
  const formatter = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--no-config", "--ext", "md", "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = formatter.stdin.getWriter();
  await writer.write(new TextEncoder().encode(settingsMarkdown()));
  await writer.close();
  const { stdout } = await formatter.output();
  assertEquals(new TextDecoder().decode(stdout), settingsMarkdown());
});

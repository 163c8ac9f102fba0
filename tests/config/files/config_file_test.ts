import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { parse } from "@std/yaml";
import { readConfigFile } from "../../../src/config/files/config_file.ts";
import { ConfigError } from "../../../src/errors.ts";

const FILE = "cyberwave.yml";

/** What a file with this root says. */
function readRoot(root: unknown, file: string) {
  const { mapping, warnings } = readConfigFile({ root, text: "" }, file);
  return { mapping, warnings };
}

Deno.test("settings stand under either wrapper, or at the top level", () => {
  const mapping = { inference: "echo {body}" };
  for (const root of [{ "cyberwave-cloud-node": mapping }, { cyberwave: mapping }, mapping]) {
    assertEquals(readRoot(root, FILE), { mapping, warnings: [] });
  }
});

Deno.test("with both wrappers, cyberwave-cloud-node is ours", () => {
  const root = { cyberwave: { mqtt_port: 1 }, "cyberwave-cloud-node": { mqtt_port: 2 } };
  assertEquals(readRoot(root, FILE), { mapping: { mqtt_port: 2 }, warnings: [] });
});

Deno.test("an empty wrapper holds no settings", () => {
  assertEquals(readRoot({ cyberwave: null }, FILE), { mapping: {}, warnings: [] });
});

Deno.test("an empty file is worth a warning", () => {
  const warnings = ["cyberwave.yml holds no settings"];
  assertEquals(readRoot(null, FILE), { mapping: {}, warnings });
});

Deno.test("anything but a mapping is refused", () => {
  const wrong: [unknown, string][] = [
    [["inference"], "cyberwave.yml must be a mapping of settings to values, got a list"],
    ["inference", "cyberwave.yml must be a mapping of settings to values, got a single value"],
    [
      { cyberwave: "x" },
      "cyberwave in cyberwave.yml must be a mapping of settings to values, got a single value",
    ],
    [
      { "cyberwave-cloud-node": [] },
      "cyberwave-cloud-node in cyberwave.yml must be a mapping of settings to values, got a list",
    ],
  ];
  for (const [root, message] of wrong) {
    assertEquals(
      assertThrows(() => readRoot(root, FILE), ConfigError).message,
      message,
    );
  }
});

Deno.test("under a wrapper every unknown key is mentioned, with what may have been meant", () => {
  const root = { cyberwave: { mqtt_prot: 1, colour: "red", sensors: [] } };
  assertEquals(readRoot(root, FILE).warnings, [
    'Ignored "mqtt_prot" in cyberwave.yml: there is no such setting, did you mean mqtt_port?',
    'Ignored "colour" in cyberwave.yml: there is no such setting',
    'Ignored "sensors" in cyberwave.yml: there is no such setting',
  ]);
});

Deno.test("outside of a wrapper only the names of settings are mentioned", () => {
  const root = { services: {}, version: 1, mqtt_port: 8883, cyberwave: {} };
  assertEquals(readRoot(root, FILE).warnings, [
    'Ignored "mqtt_port" in cyberwave.yml: it stands outside of cyberwave',
  ]);
});

Deno.test("without a wrapper the sections of others are left alone, but not mistyped ones", () => {
  const root = { services: {}, steps: [], colour: 1, concurency: { inference: 2 } };
  assertEquals(readRoot(root, FILE).warnings, [
    'Ignored "colour" in cyberwave.yml: there is no such setting',
    'Ignored "concurency" in cyberwave.yml: there is no such setting, did you mean concurrency?',
  ]);
});

Deno.test("what does not belong in a file is sent to where it does, without repeating it", () => {
  const root = {
    cyberwave: { token: "hunter2", api_key: "hunter2", slug: "a", instance_slug: "b" },
  };
  assertEquals(readRoot(root, FILE), {
    mapping: root.cyberwave,
    warnings: [
      'Ignored "token" in cyberwave.yml: set CYBERWAVE_API_TOKEN instead',
      'Ignored "api_key" in cyberwave.yml: set CYBERWAVE_API_TOKEN instead',
      'Ignored "slug" in cyberwave.yml: set CYBERWAVE_INSTANCE_SLUG instead',
      'Ignored "instance_slug" in cyberwave.yml: set CYBERWAVE_INSTANCE_SLUG instead',
    ],
  });
});

Deno.test("what a manifest holds for other programs of the platform is no mistake", () => {
  const others = {
    ...{ config: "a.yml", provider: "x", server_port: 8000, gpu: true, name: "vla", version: "1" },
    ...{ models: ["m"], workers: ["w.py"], requirements: ["torch"], input: "rgb", resources: {} },
    ...{ runtime: "onnx", model: "m.pt" },
  };
  for (const root of [others, { cyberwave: others }, { "cyberwave-cloud-node": others }]) {
    assertEquals(readRoot(root, FILE).warnings, []);
  }
});

Deno.test("a top key that is nearly right is asked about", () => {
  const keys = ["cyberwave_cloud_node", "cyberwave-cloudnode", "cyberwave_node", "Cyberwave"];
  for (const key of keys) {
    const [warning] = readRoot({ [key]: { inference: "run" } }, FILE).warnings;
    assertMatch(warning!, /^Ignored "[^"]+" in .*.*, did you mean cyberwave(-cloud-node)?\?$/, key);
  }
  assertEquals(readRoot({ services: {}, other_cloud: { inference: "x" } }, FILE).warnings, []);
});

Deno.test("variables hold numbers as they are written", () => {
  const env =
    "A: 3.10, B: 0777, C: 12345678901234567890, D: '5', E: true, F: 0x1F, G: , H: &h 1.50";
  const expected = {
    ...{ A: "3.10", B: "0777", C: "12345678901234567890", D: "5", E: true, F: "0x1F", G: null },
    H: "1.50",
  };
  for (const text of [`env: { ${env} }`, `cyberwave:\n  env: { ${env} }\n  state_folder: x\n`]) {
    const { mapping } = readConfigFile({ root: parse(text), text }, FILE);
    assertEquals(mapping.env, expected);
  }
});

Deno.test("what is ignored is named with its line and column", () => {
  const text = "cyberwave:\n  mqtt_prot: 1\nmqtt_port: 1\n";
  const { warnings, place } = readConfigFile({ root: parse(text), text }, FILE);
  assertMatch(warnings[0]!, /^Ignored "mqtt_prot" in cyberwave.yml, line 2, column 3: /);
  assertMatch(warnings[1]!, /^Ignored "mqtt_port" in cyberwave.yml, line 3, column 1: /);
  assertEquals(place(["mqtt_prot"]), "cyberwave.yml, line 2, column 14");
});

Deno.test("an unknown key of a program is worth a warning, with the nearest known one", () => {
  const text = "cyberwave:\n  inference:\n    command: a\n    ready_timout: 5\n    zzz: 1\n";
  assertEquals(readConfigFile({ root: parse(text), text }, FILE).warnings, [
    'Ignored "inference: ready_timout" in cyberwave.yml, line 4, column 5: there is no such ' +
    "setting, did you mean ready_timeout?",
    'Ignored "inference: zzz" in cyberwave.yml, line 5, column 5: there is no such setting',
  ]);
});

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { dirname, join } from "node:path";
import {
  examineSettings,
  type LoadedSettings,
  type LoadOptions,
  loadSettings,
  readToken,
} from "../../src/config/load.ts";
import { ConfigError } from "../../src/errors.ts";

/** A project and a home folder with the files given, by their path in them. */
async function folderWith(files: Record<string, string | Uint8Array>): Promise<Folder> {
  const root = await Deno.makeTempDir();
  const project = join(root, "project");
  const home = join(root, "home");
  await Deno.mkdir(project);
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, name);
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeFile(path, content instanceof Uint8Array ? content : bytes(content));
  }
  return {
    root,
    project,
    home,
    load: ({ env, ...options } = {}) =>
      loadSettings({ cwd: project, env: { HOME: home, USERPROFILE: home, ...env }, ...options }),
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

interface Folder extends AsyncDisposable {
  root: string;
  project: string;
  home: string;
  load(options?: Partial<LoadOptions>): Promise<LoadedSettings>;
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** A process for each command. */
function command(command: string) {
  return { type: "command", command } as const;
}

Deno.test("nothing has to exist", async () => {
  await using folder = await folderWith({});
  const { settings, warnings, configFile, sources } = await folder.load();
  assertEquals([warnings, configFile, settings.token], [[], undefined, undefined]);
  assertEquals(settings.workFolder, folder.project);
  assertEquals(settings.stateFolder, join(folder.home, ".cyberwave"));
  assertEquals(sources.has("token"), false);
});

Deno.test("cyberwave.yml in the current folder is read by itself", async () => {
  await using folder = await folderWith({
    "project/cyberwave.yml": "cyberwave-cloud-node:\n  mqtt_port: 8883\n  inference: run {body}\n",
  });
  const { settings, configFile, sources } = await folder.load();
  assertEquals([settings.mqttPort, settings.inference], [8883, command("run {body}")]);
  assertEquals(configFile, join(folder.project, "cyberwave.yml"));
  assertEquals(sources.get("inference"), "cyberwave.yml");
});

const README = `---
license: mit
inference: false
cyberwave:
  inference: inference.py
  mqtt_prot: 1
---
# VLA

---
`;

Deno.test("without a cyberwave.yml the front matter of README.md is read, if it has a section", async () => {
  await using folder = await folderWith({ "project/README.md": README });
  const { settings, configFile, sources, warnings } = await folder.load();
  assertEquals([settings.inference, settings.workFolder], [
    command("inference.py"),
    folder.project,
  ]);
  assertEquals([configFile, sources.get("inference")], [
    join(folder.project, "README.md"),
    "README.md",
  ]);
  assertStringIncludes(warnings[0]!, 'Ignored "mqtt_prot" in README.md');
  const named = await folder.load({ configPath: "README.md" });
  assertEquals(named.settings.inference, command("inference.py"));
});

Deno.test("a README.md for others is left alone", async () => {
  const texts = [
    "# VLA\n",
    "---\ninference: false\n---\n",
    "---\ncyberwave:\n  inference: x.py\n",
    "# VLA\n---\ncyberwave: {}\n---\n",
  ];
  for (const text of texts) {
    await using folder = await folderWith({ "project/README.md": text });
    const { configFile, warnings } = await folder.load();
    assertEquals([configFile, warnings], [undefined, []], text);
  }
  await using folder = await folderWith({
    "project/README.md": README,
    "project/cyberwave.yml": "inference: mine",
  });
  assertEquals((await folder.load()).settings.inference, command("mine"));
});

Deno.test("what is wrong in front matter is said with its line in the file", async () => {
  await using folder = await folderWith({
    "project/README.md": "---\ncyberwave:\n  inference: [\n---\n",
    "project/other.md": "# None",
  });
  const error = await assertRejects(() => folder.load(), ConfigError);
  assertStringIncludes(error.message, 'Cannot read "README.md": ');
  assert(/line [345]/.test(error.message), error.message);
  const none = await assertRejects(() => folder.load({ configPath: "other.md" }), ConfigError);
  assertStringIncludes(none.message, 'Cannot read "other.md": it has no front matter');
});

Deno.test("a config file named brings its own folder and .env", async () => {
  await using folder = await folderWith({
    "project/.env": "CYBERWAVE_API_TOKEN=wrong-one",
    "other/.env": "CYBERWAVE_API_TOKEN=right-one",
    "other/node.yml": "mqtt_tls_ca_certs: ca.pem",
  });
  const { settings, configFile } = await folder.load({ configPath: "../other/node.yml" });
  const other = join(folder.root, "other");
  assertEquals(settings.token, "right-one");
  assertEquals([settings.workFolder, configFile], [other, join(other, "node.yml")]);
  assertEquals(settings.mqttTlsCaCerts, join(other, "ca.pem"));
});

Deno.test("the token is found in four places, in this order", async () => {
  await using folder = await folderWith({
    "project/.env": "CYBERWAVE_API_TOKEN=second",
    "home/.cyberwave/.env": "CYBERWAVE_API_KEY='third'\n",
    "home/.cyberwave/credentials.json": JSON.stringify({ token: "fourth" }),
  });
  const state = join(folder.home, ".cyberwave");
  const places: [token: string, from: string, then: () => Promise<void>][] = [
    [
      "second",
      `CYBERWAVE_API_TOKEN in ${join(folder.project, ".env")}`,
      () => Deno.remove(join(folder.project, ".env")),
    ],
    [
      "third",
      `CYBERWAVE_API_KEY in ${join(state, ".env")}`,
      () => Deno.remove(join(state, ".env")),
    ],
    ["fourth", join(state, "credentials.json"), () => Promise.resolve()],
  ];
  const first = await folder.load({ env: { CYBERWAVE_API_TOKEN: "first" } });
  assertEquals(first.settings.token, "first");
  assertEquals(first.sources.get("token"), "environment variable CYBERWAVE_API_TOKEN");
  for (const [token, from, then] of places) {
    const { settings, sources } = await folder.load();
    assertEquals([settings.token, sources.get("token")], [token, from]);
    await then();
  }
});

Deno.test("an empty variable does not hide a .env", async () => {
  await using folder = await folderWith({ "project/.env": "CYBERWAVE_API_TOKEN=from-file" });
  const { settings } = await folder.load({ env: { CYBERWAVE_API_TOKEN: "" } });
  assertEquals(settings.token, "from-file");
});

Deno.test("flags win over variables, .env files over cyberwave.yml", async () => {
  await using folder = await folderWith({
    "project/cyberwave.yml": "mqtt_host: yaml\nprofile_slug: yaml\nheartbeat_interval: 4",
    "project/.env": "CYBERWAVE_MQTT_HOST=dotenv\nCYBERWAVE_PROFILE_SLUG=dotenv",
    "home/.cyberwave/.env": "CYBERWAVE_HEARTBEAT_INTERVAL=3",
  });
  const { settings } = await folder.load({
    flags: { "mqtt-host": "flag", profile: undefined, _: [], verbose: true },
    env: { CYBERWAVE_MQTT_HOST: "variable" },
  });
  assertEquals([settings.mqttHost, settings.profileSlug], ["flag", "dotenv"]);
  assertEquals(settings.heartbeatInterval, 3);
});

Deno.test("CYBERWAVE_EDGE_CONFIG_DIR stands for ~/.cyberwave altogether", async () => {
  await using folder = await folderWith({
    "edge/.env": "CYBERWAVE_MQTT_HOST=edge\nCYBERWAVE_EDGE_CONFIG_DIR=/elsewhere",
    "edge/credentials.json": '{"token": "edge", "envs": {"CYBERWAVE_EDGE_CONFIG_DIR": "/x"}}',
    "home/.cyberwave/credentials.json": '{"token": "home"}',
  });
  const edge = join(folder.root, "edge");
  const { settings } = await folder.load({ env: { CYBERWAVE_EDGE_CONFIG_DIR: edge } });
  assertEquals([settings.stateFolder, settings.token, settings.mqttHost], [edge, "edge", "edge"]);
});

Deno.test("a state folder named in the project's own .env is relative to it", async () => {
  await using folder = await folderWith({
    "project/.env": "CYBERWAVE_EDGE_CONFIG_DIR=state",
    "project/state/credentials.json": '{"token": "here"}',
  });
  const { settings } = await folder.load();
  assertEquals([settings.stateFolder, settings.token], [join(folder.project, "state"), "here"]);
});

Deno.test("byte order marks and Windows line ends do no harm", async () => {
  await using folder = await folderWith({
    "project/cyberwave.yml": "\uFEFFinference: |\r\n  a &&\r\n  b {body}\r\nmqtt_port: 1884\r\n",
    "project/.env": "\uFEFFCYBERWAVE_API_TOKEN=abc\r\nCYBERWAVE_MQTT_HOST=broker\r\n",
    "home/.cyberwave/credentials.json": '\uFEFF{"workspace_slug": "lab"}\r\n',
  });
  const { settings, warnings } = await folder.load();
  assertEquals(warnings, []);
  assertEquals([settings.inference, settings.mqttPort], [command("a &&\nb {body}\n"), 1884]);
  assertEquals([settings.token, settings.mqttHost], ["abc", "broker"]);
  assertEquals(settings.workspaceSlug, "lab");
});

Deno.test("a config file named must exist", async () => {
  await using folder = await folderWith({});
  const error = await assertRejects(() => folder.load({ configPath: "no.yml" }), ConfigError);
  assertEquals(error.message, 'Cannot read "no.yml": there is no such file');
  assert(error.hint);
});

Deno.test("a config file that cannot be used says why, and where", async () => {
  const cases: [content: string | Uint8Array, message: string][] = [
    ["- inference\n", "cyberwave.yml must be a mapping of settings to values, got a list"],
    [
      "mqtt_port: 1\nmqtt_port: 2\n",
      'Cannot read "cyberwave.yml": Cannot store mapping pair: duplicated key at line 2, column 1',
    ],
    [
      "a: 1\nmqtt_password: *hunter2\n",
      'Cannot read "cyberwave.yml": Cannot read alias: unidentified alias at line 2, column 24',
    ],
    [
      "cyberwave:\n\tinference: a\n",
      'Cannot read "cyberwave.yml": Tabs cannot be used for indentation at line 2, column 1',
    ],
    [new Uint8Array([0xff, 0xfe, 0x61, 0]), 'Cannot read "cyberwave.yml": it is not UTF-8 text'],
  ];
  for (const [content, message] of cases) {
    await using folder = await folderWith({ "project/cyberwave.yml": content });
    const error = await assertRejects(() => folder.load(), ConfigError);
    assertEquals(error.message, message);
  }
});

Deno.test("a config file that is not YAML says how a command is written", async () => {
  const content = 'inference: echo "a: b" {body}\n';
  await using folder = await folderWith({ "project/cyberwave.yml": content });
  const error = await assertRejects(() => folder.load(), ConfigError);
  assertStringIncludes(error.hint!, "on a line of its own below its key and a |");
});

Deno.test("a tab where YAML allows one is no mistake", async () => {
  const content = "concurrency: {\n\tinference: 2,\n}\n";
  await using folder = await folderWith({ "project/cyberwave.yml": content });
  assertEquals((await folder.load()).settings.concurrency.inference, 2);
});

Deno.test("a config file that is no file of settings is refused at once, whatever it is", async () => {
  const cases: [what: string, make: (path: string) => Promise<unknown>, why: string][] = [
    ["a folder", (path) => Deno.mkdir(path), "it is a folder"],
    ["a named pipe", namedPipe, "it is not a regular file"],
    ["a device", (path) => Deno.symlink("/dev/zero", path), "it is not a regular file"],
    [
      "a huge file",
      (path) =>
        Deno.create(path).then((file) => file.truncate(2 ** 40).finally(() => file.close())),
      "it is larger than 262144 bytes",
    ],
    [
      "a bomb",
      (path) => Deno.writeTextFile(path, `a: &a [1]\nb: [${"*a, ".repeat(100)}]`),
      "There are more than 50 aliases at line 2, column 205",
    ],
    [
      "a mapping that holds itself",
      (path) => Deno.writeTextFile(path, "cyberwave: &a\n  inference: *a\n"),
      "An alias stands for a value that it is part of",
    ],
    [
      "one with no-break spaces as indentation",
      (path) => Deno.writeTextFile(path, "cyberwave:\n\u00a0\u00a0inference: a\n"),
      "Only plain spaces may stand beside a key, not U+00A0 at line 2, column 1",
    ],
  ];
  for (const [what, make, why] of cases) {
    await using folder = await folderWith({});
    await make(join(folder.project, "cyberwave.yml"));
    const error = await assertRejects(() => folder.load(), ConfigError);
    assertEquals(error.message, `Cannot read "cyberwave.yml": ${why}`, what);
  }
});

Deno.test("a .env or credentials.json that is a named pipe or huge counts as missing", async () => {
  await using folder = await folderWith({
    "home/.cyberwave/credentials.json": "x".repeat(300_000),
  });
  await namedPipe(join(folder.project, ".env"));
  assertEquals((await folder.load()).warnings, [
    `Ignored ${JSON.stringify(join(folder.project, ".env"))}: it is not a regular file`,
    `Ignored ${JSON.stringify(join(folder.home, ".cyberwave/credentials.json"))}: ` +
    "it is larger than 262144 bytes",
  ]);
});

async function namedPipe(path: string): Promise<void> {
  const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
  assert(success);
}

Deno.test("/dev/null is an empty config file", async () => {
  await using folder = await folderWith({});
  const { warnings } = await folder.load({ configPath: "/dev/null" });
  assertEquals(warnings, ["/dev/null holds no settings"]);
});

Deno.test("a token in .env means what python-dotenv makes of it", async () => {
  await using folder = await folderWith({
    "project/.env":
      "# $ecret\nCYBERWAVE_API_TOKEN=cw_$ecret#9 # mine\nCYBERWAVE_SLUG_PART=${HOST}-1\n" +
      "CYBERWAVE_MQTT_PASSWORD='pa$word # x'\nCYBERWAVE_INSTANCE_SLUG=${CYBERWAVE_SLUG_PART}",
  });
  const { settings, warnings } = await folder.load({ env: { HOST: "gpu" } });
  assertEquals(warnings, []);
  assertEquals(
    [settings.token, settings.mqttPassword, settings.slug],
    ["cw_$ecret#9", "pa$word # x", "gpu-1"],
  );
});

Deno.test("lines of .env that are no NAME=value are a warning without their text", async () => {
  await using folder = await folderWith({
    "project/.env": "CYBERWAVE_API_TOKEN: hunter2\nCYBERWAVE_MQTT_HOST=broker\nhunter 3\n",
  });
  const { settings, warnings } = await folder.load();
  assertEquals([settings.token, settings.mqttHost], [undefined, "broker"]);
  const path = JSON.stringify(join(folder.project, ".env"));
  assertEquals(warnings, [`Ignored what is not NAME=value in ${path} (line 1, 3)`]);
});

Deno.test("a token that was replaced in its file is read again, in the same order of places", async () => {
  await using folder = await folderWith({
    "project/cyberwave.yml": "state_folder: state\n",
    "project/state/credentials.json": JSON.stringify({ token: "first" }),
  });
  const options = { cwd: folder.project, env: { HOME: folder.home } };
  const [dotenv, state] = [join(folder.project, ".env"), join(folder.project, "state")];
  const credentials = join(state, "credentials.json");
  assertEquals(await readToken(options), { token: "first", source: credentials });
  await Deno.writeTextFile(credentials, JSON.stringify({ token: "second" }));
  assertEquals(await readToken(options), { token: "second", source: credentials });
  await Deno.writeTextFile(dotenv, "CYBERWAVE_API_TOKEN=third");
  const source = `CYBERWAVE_API_TOKEN in ${dotenv}`;
  assertEquals(await readToken(options), { token: "third", source });
  const env = { ...options.env, CYBERWAVE_API_KEY: "fourth" };
  assertEquals((await readToken({ ...options, env }))?.token, "fourth");
  await Deno.writeTextFile(dotenv, "CYBERWAVE_API_TOKEN='two words'");
  assertEquals(await readToken(options), undefined);
  await Deno.remove(dotenv);
  await Deno.remove(credentials);
  assertEquals(await readToken(options), undefined);
});

Deno.test("an empty config file is as good as none, with a warning", async () => {
  for (const content of ["", "# nothing yet\n"]) {
    await using folder = await folderWith({ "project/cyberwave.yml": content });
    assertEquals((await folder.load()).warnings, ["cyberwave.yml holds no settings"]);
  }
});

Deno.test("a .env or credentials.json that cannot be used counts as missing, with a warning", async () => {
  const cases: [file: string, content: string | Uint8Array, why: string][] = [
    ["home/.cyberwave/credentials.json", '{"token": "hunter2"', "it is not valid JSON"],
    ["home/.cyberwave/credentials.json", '["hunter2"]', "it is not a JSON object"],
    ["home/.cyberwave/credentials.json", "", "it is not valid JSON"],
    ["home/.cyberwave/.env", new Uint8Array([0xff]), "it is not UTF-8 text"],
  ];
  for (const [file, content, why] of cases) {
    await using folder = await folderWith({ [file]: content });
    const { settings, warnings } = await folder.load();
    assertEquals(warnings, [`Ignored ${JSON.stringify(join(folder.root, file))}: ${why}`]);
    assertEquals(settings.token, undefined);
  }
});

Deno.test("a .env that is a folder, as Python's virtual environments may be, is no obstacle", async () => {
  await using folder = await folderWith({ "project/.env/bin/activate": "" });
  const { warnings } = await folder.load();
  assertEquals(warnings.length, 1);
  assertStringIncludes(warnings[0]!, `Ignored ${JSON.stringify(join(folder.project, ".env"))}: `);
});

Deno.test("what looks like a mistake in cyberwave.yml is a warning", async () => {
  await using folder = await folderWith({ "project/cyberwave.yml": "mqtt_prot: 8883\n" });
  const { settings, warnings } = await folder.load();
  assertEquals(settings.mqttPort, 1883);
  assertEquals(warnings, [
    'Ignored "mqtt_prot" in cyberwave.yml, line 1, column 1: there is no such setting, did you mean mqtt_port?',
  ]);
});

Deno.test("a wrong value in a file names the file", async () => {
  await using folder = await folderWith({ "project/.env": "CYBERWAVE_MQTT_PORT=x" });
  const error = await assertRejects(() => folder.load(), ConfigError);
  assertEquals(
    error.message,
    'mqtt_port must be a port number between 1 and 65535, got "x" ' +
      `(from CYBERWAVE_MQTT_PORT in ${join(folder.project, ".env")})`,
  );
});

Deno.test("all that is wrong is told at once, and defaults stand in for it", async () => {
  await using folder = await folderWith({
    "project/cyberwave.yml": "inference: echo\nmqtt_port: 0\nunknown_key: 1",
  });
  const env = { HOME: folder.home, CYBERWAVE_API_TOKEN: "two words" };
  const examined = await examineSettings({ cwd: folder.project, env });
  assertEquals(examined.problems.map(({ message }) => message), [
    "token must be a single word of ASCII characters (from environment variable CYBERWAVE_API_TOKEN)",
    "mqtt_port must be a port number between 1 and 65535, got 0 (from cyberwave.yml, line 2, column 12)",
  ]);
  assertEquals(examined.warnings.length, 1);
  assertEquals([examined.settings.mqttPort, examined.settings.inference], [1883, command("echo")]);
  assertEquals([examined.settings.token, examined.sources.has("token")], [undefined, true]);
});

Deno.test("a config file that cannot be used is a problem beside those of the environment", async () => {
  await using folder = await folderWith({ "project/cyberwave.yml": "a: [" });
  const env = { HOME: folder.home, CYBERWAVE_MQTT_PORT: "x" };
  const { problems, configFile } = await examineSettings({ cwd: folder.project, env });
  assertEquals(problems.length, 2);
  assertStringIncludes(problems[0]!.message, 'Cannot read "cyberwave.yml"');
  assertEquals(configFile, join(folder.project, "cyberwave.yml"));
});

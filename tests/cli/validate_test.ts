import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Program, type ProgramOptions } from "../support/program.ts";

/** A broker to which a password may go in clear text. */
const LOCAL = "mqtt_host: localhost";

/** Runs validate in a folder with these files. */
async function validate(
  files: Readonly<Record<string, string>>,
  args: readonly string[] = [],
  { env = {} }: Pick<ProgramOptions, "env"> = {},
) {
  const cwd = await Deno.realPath(await Deno.makeTempDir({ prefix: "cloud_node_validate_" }));
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${cwd}/${name}`, text);
    }
    const account = {
      CYBERWAVE_API_TOKEN: "some-token",
      CYBERWAVE_EDGE_CONFIG_DIR: `${cwd}/state`,
    };
    const run = await Program.run(["validate", ...args], { cwd, env: { ...account, ...env } });
    return { ...run, cwd };
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
}

/** The messages of the problems and warnings of a cyberwave.yml. */
async function remarks(yaml: string, options: Pick<ProgramOptions, "env"> = {}) {
  const { code, stdout } = await validate({ "cyberwave.yml": yaml }, ["--json"], options);
  const { valid, problems, warnings } = JSON.parse(stdout);
  assertEquals(valid, code === 0);
  const messages = (list: { message: string }[]) => list.map(({ message }) => message);
  return { code, problems: messages(problems), warnings: messages(warnings) };
}

Deno.test("a valid config is told with what would run, and exits with 0", async () => {
  const yaml = `cyberwave-cloud-node:
  install_script: pip install -r requirements.txt
  inference: |
    source .venv/bin/activate && \\
    python infer.py {body}
  mqtt_port: 8883
`;
  const { code, stdout, stderr, cwd } = await validate({ "cyberwave.yml": yaml });
  assertEquals([code, stderr], [0, ""]);
  assertEquals(
    stdout,
    `${cwd}/cyberwave.yml is valid

  install_script  pip install -r requirements.txt
  inference       source .venv/bin/activate && \\
                  python infer.py {body}
  broker          mqtts://mqtt.cyberwave.com:8883
  backend         https://api.cyberwave.com
  state           ${cwd}/state
`,
  );
});

Deno.test("every problem is told, whatever its kind, and the exit code is 2", async () => {
  const { code, stdout, cwd } = await validate(
    {
      "cyberwave.yml": `cyberwave-cloud-node:
  infrence: python
  inference: python infer.py "{body}"
  training: if true
  heartbeat_interval: abc
  mqtt_port: 8883
  mqtt_tls_ca_certs: missing.pem
`,
    },
    [],
    { env: { CYBERWAVE_MAX_QUEUED: "-1", CYBERWAVE_API_TOKEN: "" } },
  );
  assertEquals(code, 2);
  const lines = stdout.trimEnd().split("\n");
  const table: RegExp[] = [
    /^.*cyberwave\.yml: 5 problems$/,
    /^ {2}error {4}inference must not have \{body\} inside double quotes, .*: write python infer/,
    /^ {2}error {4}max_queued must be a whole number, 0 or more, got "-1" \(from environment/,
    /^ {2}error {4}heartbeat_interval must be a positive number of seconds or a duration .*, got "abc"/,
    /^ {2}error {4}training is not valid (ba)?sh: .*\(from cyberwave\.yml, line 4, column 13\)$/,
    /^ {2}error {4}Cannot read the certificate authorities in ".*missing\.pem": .* -> Let mqtt_tls/,
    /^ {2}warning {2}Ignored "infrence" in cyberwave\.yml, line 2, column 3: .*did you mean inference\?$/,
    /^ {2}warning {2}There is no API token -> Set CYBERWAVE_API_TOKEN/,
  ];
  assertEquals(lines.length, table.length, stdout.replaceAll(cwd, ""));
  for (const [index, pattern] of table.entries()) assertMatch(lines[index]!, pattern);
});

Deno.test("what is not YAML is told with line and column, and what else is wrong beside it", async () => {
  const { code, problems } = await remarks("inference: echo\ntraining: [", {
    env: { CYBERWAVE_MQTT_PORT: "0" },
  });
  assertEquals(code, 2);
  assertMatch(problems[0]!, /^Cannot read "cyberwave\.yml": .*line \d+, column \d+/);
  assertMatch(problems[1]!, /^mqtt_port must be a port number/);
});

Deno.test("a config file that is named must be there", async () => {
  const { code, stdout } = await validate({}, ["--config", "other.yml"]);
  assertEquals(code, 2);
  assertStringIncludes(stdout, 'error    Cannot read "other.yml": there is no such file -> Give');
});

Deno.test("wrong settings of programs say what is expected", async () => {
  const table: [string, RegExp][] = [
    ["exclusive: [training, gpu]", /^exclusive must be some of inference, training, simulate, got/],
    ["body: { training: path }", /^body for training must be json or file, got "path"/],
    [
      "env: { A B: x }",
      /^env must be given for names of variables .*, got "A B" \(from cyberw.*line 1/,
    ],
    [
      "env: { A: '${B:?why}' }",
      /^env for A needs the variable B: "why" \(from cyberwave.yml, line 1, column 11/,
    ],
    [
      "env: [A=1, 5B=2]",
      /^env must be given for names .*, got "5B" \(from cyberwave.yml, line 1, column 12\)/,
    ],
    ['env: { A: "x\\0" }', /^env for A must not hold NUL/],
    ["env: { A: '${B' }", /^env for A has \$\{ that is no \$\{NAME\}/],
    [
      "env_file: [nowhere.env]",
      /^Cannot read the env_file ".*nowhere.env": there is no such file \(from .*column 12/,
    ],
    ['inference: x.py "{param:p}"', /^inference must not have \{param:p\} inside double quotes/],
    ["inference: curl -d '{body}' u", /: write curl -d @\{body_file\} u/],
  ];
  await Promise.all(table.map(async ([yaml, pattern]) => {
    const { code, problems } = await remarks(yaml);
    assertEquals([code, problems.length], [2, 1], problems.join("\n"));
    assertMatch(problems[0]!, pattern);
  }));
});

Deno.test("validate says which GPUs are given, and who could never have enough of them", async () => {
  const yaml = `inference: echo {body}\ntraining: echo\ngpus: [0, 1]\n${LOCAL}\n`;
  const right = await validate({ "cyberwave.yml": `${yaml}gpus_per: { training: 2 }\n` });
  assertMatch(
    right.stdout,
    /^ {2}gpus +\[0, 1\], 1 for each inference, 2 for each training$/m,
  );
  const { code, problems } = await remarks(`${yaml}gpus_per: { training: 3 }\n`);
  assertEquals([code, problems], [2, ["training needs 3 GPUs, but gpus gives 2"]]);
});

Deno.test("flags and variables are checked like the file", async () => {
  const { problems } = await remarks("inference: echo", {
    env: { CYBERWAVE_TRAINING_CMD: "for x in; do", CYBERWAVE_API_TOKEN: "two words" },
  });
  assertEquals(problems.length, 2, problems.join("\n"));
  assert(problems.every((problem) => problem.includes("environment variable CYBERWAVE_")));
  const { stdout } = await validate({}, ["--mqtt-port", "99999"]);
  assertStringIncludes(stdout, "(from --mqtt-port)");
});

const PYTHON_FILE = new URL("../executors/worker/worker.py", import.meta.url).pathname;

Deno.test("what looks wrong is a warning and no problem", async () => {
  const table: [string, RegExp][] = [
    [
      "inference: { worker: cat }\nmemory_limit: 8 GiB\n" + LOCAL,
      /^memory_limit has no effect on inference: it limits only commands that run as processes of their own$/,
    ],
    [
      `inference: { worker: ${PYTHON_FILE}, concurrency: 4 }\n${LOCAL}`,
      /^inference has concurrency: 4, but a Python file runs one command at a time/,
    ],
    [
      "inference: { url: 'http://127.0.0.1:1/?x={param:x}' }\n" + LOCAL,
      /^inference has \{param:x\} in its url, where it stays as it is/,
    ],
    [
      "inference: { worker: 'cat {param:x}' }\n" + LOCAL,
      /^inference has \{param:x\} in its command, where it stays as it is/,
    ],
    [
      "inference: { url: 'http://127.0.0.1:1', headers: { A: '${NOT_SET}' } }\n" + LOCAL,
      /^inference has headers that refer to \$\{NOT_SET\}, which is not set/,
    ],
    ["inference: echo {body}\ngpus_per: 2\n" + LOCAL, /^gpus_per has no effect without gpus$/],
    [
      "inference: echo {body}\ngpus: [0]\nenv: { CUDA_VISIBLE_DEVICES: '1' }\n" + LOCAL,
      /^env gives CUDA_VISIBLE_DEVICES, but each workload gets GPUs of its own from gpus$/,
    ],
    ["profile_slug: gpu\n" + LOCAL, /^No inference, training or simulate command is configured/],
    [
      "inference: curl -d {body} localhost\n" + LOCAL,
      /^inference has -d \{body\}, which makes curl send the path/,
    ],
    [
      "training: train.py\n" + LOCAL,
      /^training names the Python file "train\.py", which is not there/,
    ],
    [
      "inference: echo {body}\nenv: { A: '${NOT_SET}' }\n" + LOCAL,
      /^env refers to \$\{NOT_SET\}, which the node/,
    ],
    [
      "inference: echo {body}\nmqtt_tls_ca_certs: x\n" + LOCAL,
      /^mqtt_tls_ca_certs has no effect: TLS is off/,
    ],
    [
      "inference: echo {body}\ntoken: secret-token\n" + LOCAL,
      /^Ignored "token" .*: set CYBERWAVE_API_TOKEN/,
    ],
    [
      "inference: echo hello\n" + LOCAL,
      /^inference has no placeholder, .* \(from cyberwave\.yml, line 1, column 12\)$/,
    ],
    [
      "inference: echo {body}",
      /^The API token is sent to the broker "mqtt.cyberwave.com" in clear text/,
    ],
    [
      "inference: |\n  cat {body_file} <<END\n  x\n" + LOCAL,
      /^inference looks wrong: .*here-document/,
    ],
  ];
  await Promise.all(table.map(async ([yaml, pattern]) => {
    const { code, problems, warnings } = await remarks(yaml);
    assertEquals([code, problems, warnings.length], [0, [], 1], warnings.join("\n"));
    assertMatch(warnings[0]!, pattern);
  }));
});

Deno.test("templates that bash runs are valid, whatever they are made of", async () => {
  const templates = [
    "shopt -s extglob; ls !(*.py) {body}",
    "case {body} in *x*) echo ;; esac",
    "diff <(echo {body}) {body_file}",
    "echo $'a\\nb' {body}",
  ];
  for (const template of templates) {
    const { problems } = await remarks(`inference: ${JSON.stringify(template)}`);
    assertEquals(problems, [], template);
  }
});

Deno.test("nothing of the configuration is run", async () => {
  const yaml = "install_script: touch ran\ninference: touch ran; echo $(touch ran)\n";
  const cwd = await Deno.makeTempDir();
  await Deno.writeTextFile(`${cwd}/cyberwave.yml`, yaml);
  const { code } = await Program.run(["validate"], { cwd });
  assertEquals([code, [...Deno.readDirSync(cwd)].length], [0, 1]);
  await Deno.remove(cwd, { recursive: true });
});

Deno.test("a CA file without a certificate is a problem", async () => {
  const files = {
    "cyberwave.yml": "inference: echo\nmqtt_use_tls: true\nmqtt_tls_ca_certs: ca.pem\n",
    "ca.pem": "nothing",
  };
  const { code, stdout } = await validate(files);
  assertEquals(code, 2);
  assertMatch(stdout, /error {4}There is no certificate in ".*ca\.pem" -> Set mqtt_tls_ca_certs/);
});

Deno.test("a results folder is one that may be emptied", async () => {
  const results = (folder: string) => `inference: echo\nresults_folder: ${folder}\n`;
  const table: [string, RegExp][] = [
    [results("cyberwave.yml"), /error {4}results_folder ".*cyberwave\.yml" is not a folder -> Set/],
    [results("."), /error {4}results_folder must not hold .* -> Files in it are removed/],
  ];
  for (const [yaml, pattern] of table) {
    const { code, stdout } = await validate({ "cyberwave.yml": yaml });
    assertEquals(code, 2);
    assertMatch(stdout, pattern);
  }
  assertEquals((await remarks(results("made-later"))).problems, []);
  assertEquals((await remarks(`${results("cyberwave.yml")}upload_results: false`)).problems, []);
});

Deno.test("secrets are never printed", async () => {
  const env = { CYBERWAVE_API_TOKEN: "hunter2hunter2", CYBERWAVE_MQTT_PASSWORD: "hunter3hunter3" };
  const yaml = "inference: curl -H hunter2hunter2 hunter3hunter3\n";
  for (const args of [[], ["--json"], ["-v"]]) {
    const { code, stdout, stderr } = await validate({ "cyberwave.yml": yaml }, args, { env });
    assertEquals(code, 0);
    assert(!/hunter/.test(stdout + stderr), stdout + stderr);
  }
});

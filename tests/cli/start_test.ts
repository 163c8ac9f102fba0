import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Gate, Stage } from "../support/stage.ts";

const YAML = `
  inference: echo '{"done":'{body}'}'
  training: echo no disk >&2; exit 3
`;

Deno.test("start registers, says when it is ready, and at SIGTERM takes its leave with 0", async () => {
  await using stage = await Stage.set(YAML);
  await using node = stage.start(["start", "--slug", "my-node"]);
  const [, uuid] = await node.awaitLine(/Cloud Node 'my-node' \(([^)]+)\) is ready: waiting for/);
  assertEquals(await node.end("SIGTERM"), 0);
  assertEquals(stage.world.backend.instances.get(uuid!)?.status, "terminated");
  assertEquals(node.output.stdout, "");
});

Deno.test("a password that leaves this computer in clear text is warned of, once per start", async () => {
  await using stage = await Stage.set(YAML);
  // Another name for this computer, as far as anybody can tell.
  await using node = await stage.startNode("--mqtt-host", "0.0.0.0");
  assertEquals(await node.end("SIGTERM"), 0);
  const warnings = node.output.stderr.split("\n").filter((line) => line.includes("clear text"));
  assertEquals(warnings.length, 1, node.output.stderr);
  assertMatch(warnings[0]!, /WARN .* "0\.0\.0\.0" .* "mqtt_port: 8883" and "mqtt_use_tls: true"$/);
  assert(!warnings[0]!.includes(stage.world.backend.token));
});

Deno.test("SIGINT stops a node like SIGTERM", async () => {
  await using stage = await Stage.set(YAML);
  await using node = await stage.startNode();
  assertEquals(await node.end("SIGINT"), 0);
});

Deno.test("a node that was killed starts again as the same, and takes up what still runs", async () => {
  await using stage = await Stage.set();
  const gate = await Gate.in(stage.world.folder);
  await stage.configure(`  inference: ${gate.template}`);
  await using first = stage.start(["start"]);
  await using sender = await stage.senderFor(first);
  await sender.send({ command: "inference", request_id: "r1" });
  const [, pid] = await first.awaitLine(/inference r1 started as process (\d+)/);
  await first.end("SIGKILL");

  await using second = stage.start(["start"]);
  await second.awaitLine(new RegExp(`inference r1 still runs as process ${pid}`));
  await second.awaitLine(new RegExp(`\\(${sender.uuid}\\) is ready`));
  await gate.open("luck");
  assertEquals((await sender.reply("r1")).output, "at the gate\nlet through with luck\n");
  assertEquals(await second.end("SIGTERM"), 0);
});

Deno.test("without a token it exits with 3 and tells the ways to give one", async () => {
  await using stage = await Stage.set(YAML);
  const { code, stderr } = await stage.run(["start"], { env: { CYBERWAVE_API_TOKEN: "" } });
  assertEquals(code, 3);
  assertMatch(stderr, /^error: There is no API token\nhint: Give one in any of these ways: /m);
  assertStringIncludes(stderr, "credentials.json");
});

Deno.test("a rejected token is told with where it came from, and never shown", async () => {
  await using stage = await Stage.set(YAML);
  const env = { CYBERWAVE_API_TOKEN: "stale-token-of-last-year" };
  const { code, stderr } = await stage.run(["start"], { env });
  assertEquals(code, 3);
  assertStringIncludes(stderr, "environment variable CYBERWAVE_API_TOKEN");
  assert(!stderr.includes("stale-token"), stderr);
});

/** A stage whose node finds its token in .env, where it can be replaced. */
async function withTokenFile(yaml: string): Promise<Stage> {
  const stage = await Stage.set(yaml);
  await writeToken(stage, stage.world.backend.token);
  return stage;
}

async function writeToken(stage: Stage, token: string): Promise<void> {
  await Deno.writeTextFile(`${stage.world.folder}/.env`, `CYBERWAVE_API_TOKEN=${token}\n`);
}

const FROM_FILE = { env: { CYBERWAVE_API_TOKEN: "" } };

Deno.test("a token that is replaced in .env while the node runs is used from then on", async () => {
  await using stage = await withTokenFile(`${YAML}  heartbeat_interval: 0.2`);
  await using node = stage.start(["start"], FROM_FILE);
  await node.awaitLine(/is ready/);
  const { backend } = stage.world;
  await writeToken(stage, "token-of-tomorrow");
  backend.token = "token-of-tomorrow";
  await node.awaitLine(/Using another API token, which is now in CYBERWAVE_API_TOKEN in .*\.env/);
  await backend.nextCall((call) => call.authorization === "Token token-of-tomorrow");
  assertEquals(await node.end("SIGTERM"), 0);
  assert(!node.output.stderr.includes("token-of-tomorrow"), node.output.stderr);
  const { authorization } = await backend.nextCall(({ path }) => path.endsWith("/terminated"));
  assertEquals(authorization, "Token token-of-tomorrow");
});

Deno.test("an outage of the backend's authentication does not end a node that was accepted", async () => {
  await using stage = await withTokenFile(YAML);
  const { backend } = stage.world;
  const refuse = () => {
    const answer = () => Response.json({ detail: "Invalid token" }, { status: 401 });
    backend.answerNext(() => true, answer, Infinity);
  };
  await using first = stage.start(["start"], FROM_FILE);
  await first.awaitLine(/is ready/);
  assertEquals(await first.end("SIGTERM"), 0);

  refuse();
  await using second = stage.start(["start"], FROM_FILE);
  await second.awaitLine(/ERROR .*Cannot check the API token: .* retrying in .* accepted before/);
  assertEquals(await second.end("SIGTERM"), 0);
});

Deno.test("a wrong setting exits with 2 and names key, value and file", async () => {
  await using stage = await Stage.set("  heartbeat_interval: abc");
  const { code, stderr } = await stage.run(["start"]);
  assertEquals(code, 2);
  assertEquals(
    stderr,
    "error: heartbeat_interval must be a positive number of seconds or a duration such as 30s, 5m " +
      'or 2h, got "abc" ' +
      "(from cyberwave.yml, line 2, column 23)\n",
  );
});

Deno.test("a failing install script exits with 4, and the backend learns why", async () => {
  await using stage = await Stage.set("  install_script: echo no CUDA here >&2; exit 7");
  const { code, stderr } = await stage.run(["start"]);
  assertEquals(code, 4);
  assertMatch(stderr, /error: The install script failed with code 7\n {4}no CUDA here\nhint: /);
  const [instance] = stage.world.backend.instances.values();
  assertEquals(instance?.status, "failed");
  assertStringIncludes(instance?.error ?? "", "no CUDA here");
});

Deno.test("a second node with the same state folder exits with 5 and names the first", async () => {
  await using stage = await Stage.set(YAML);
  await using first = await stage.startNode();
  const { code, stderr } = await stage.run(["start"]);
  assertEquals(code, 5);
  assertStringIncludes(stderr, `process ${first.pid}`);
});

Deno.test("start --once answers one command and exits with 0", async () => {
  await using stage = await Stage.set(YAML);
  await using node = await stage.startNode("--once", "--slug", "once");
  const { code, stdout } = await stage.run(["run", "inference", '{"x":1}', "--slug", "once"]);
  assertEquals([code, stdout], [0, '{"done":{"x":1}}\n']);
  assertEquals(await node.exited, 0);
});

Deno.test("start --once exits with 10 when its command failed", async () => {
  await using stage = await Stage.set(YAML);
  await using node = await stage.startNode("--once", "--slug", "once");
  const { code, stderr } = await stage.run(["run", "training", "--slug", "once"]);
  assertEquals([code, stderr], [10, "no disk\n"]);
  assertEquals(await node.exited, 10);
});

Deno.test("start --once --idle-timeout exits with 75 when no command came for so long", async () => {
  await using stage = await Stage.set(YAML);
  await using node = await stage.startNode("--once", "--idle-timeout", "0.1");
  await node.awaitLine(/There was nothing to do for 0.1 s/);
  assertEquals(await node.exited, 75);
});

Deno.test("start --once --idle-timeout exits as its command went, however long that took", async () => {
  await using stage = await Stage.set();
  const gate = await Gate.in(stage.world.folder);
  await stage.configure(`  training: ${gate.template}; exit 3`);
  await using first = await stage.startNode("--slug", "once");
  await using client = stage.start(["run", "training", "--slug", "once"]);
  await first.awaitLine(/training .* started/);
  await first.end("SIGTERM");

  // It is there before the next node is: what an earlier one has taken is work, too.
  await using node = stage.start(["start", "--once", "--idle-timeout", "0.001", "--slug", "once"]);
  await node.awaitLine(/Draining/);
  await gate.open("patience");
  assertEquals(await client.exited, 10);
  assertEquals(await node.exited, 10);
});

for (const signal of Deno.build.os === "windows" ? [] : ["SIGTERM", "SIGINT", "SIGQUIT"] as const) {
  Deno.test(`start --once exits with 75 when ${signal} comes before a command`, async () => {
    await using stage = await Stage.set(YAML);
    await using node = await stage.startNode("--once", "--idle-timeout", "1h");
    assertEquals(await node.end(signal), 75);
    await using other = await stage.startNode("--once");
    assertEquals(await other.end(signal), 75);
  });
}

Deno.test("start --once exits with 75 when it is stopped with its command still running", async () => {
  await using stage = await Stage.set();
  const gate = await Gate.in(stage.world.folder);
  await stage.configure(`  training: ${gate.template}`);
  await using node = await stage.startNode("--once", "--slug", "once");
  await using client = stage.start(["run", "training", "--slug", "once"]);
  await node.awaitLine(/at the gate/);
  assertEquals(await node.end("SIGTERM"), 75);
  await using next = stage.start(["start", "--once", "--slug", "once"]);
  await next.awaitLine(/Draining/);
  await gate.open("the next node");
  assertEquals([await client.exited, await next.exited], [0, 0]);
});

Deno.test("start --exit-when-idle exits with 0 when there was nothing to do for so long", async () => {
  await using stage = await Stage.set(YAML);
  await using node = await stage.startNode("--exit-when-idle", "0.1");
  await node.awaitLine(/There was nothing to do for 0.1 s/);
  assertEquals(await node.exited, 0);
});

Deno.test("start --drain finishes what is left, refuses what is new, and exits with 0", async () => {
  await using stage = await Stage.set();
  const gate = await Gate.in(stage.world.folder);
  await stage.configure(`  inference: ${gate.template}`);
  await using first = stage.start(["start"]);
  await using sender = await stage.senderFor(first);
  await sender.send({ command: "inference", request_id: "left" });
  await first.awaitLine(/inference left started/);
  await first.end("SIGTERM");
  await sender.send({ command: "inference", request_id: "new" });

  await using draining = stage.start(["start", "--drain"]);
  await draining.awaitLine(/Draining/);
  assertStringIncludes((await sender.reply("new")).error ?? "", "takes no new commands");
  await gate.open("care");
  assertEquals((await sender.reply("left")).output, "at the gate\nlet through with care\n");
  assertEquals(await draining.exited, 0);
});

Deno.test("start --drain exits at once when nothing is left", async () => {
  await using stage = await Stage.set(YAML);
  assertEquals((await stage.run(["start", "--drain"])).code, 0);
});

Deno.test("SIGQUIT lets what runs finish", async () => {
  await using stage = await Stage.set();
  const gate = await Gate.in(stage.world.folder);
  await stage.configure(`  inference: ${gate.template}`);
  await using node = await stage.startNode("--slug", "quits");
  await using client = stage.start(["run", "inference", "--slug", "quits"]);
  await node.awaitLine(/started as process/);
  node.signal("SIGQUIT");
  await node.awaitLine(/Draining/);
  await gate.open("grace");
  assertEquals(await client.exited, 0);
  assertEquals(await node.exited, 0);
});

Deno.test("start -v tells where each setting came from, and masks the token", async () => {
  await using stage = await Stage.set(YAML);
  await using node = await stage.startNode("-v", "--profile", "gpu");
  await node.end("SIGTERM");
  const { stderr } = node.output;
  assertMatch(stderr, /DEBUG profile_slug = gpu \(from --profile\)/);
  assertMatch(stderr, /token = \*\*\* \(from environment variable CYBERWAVE_API_TOKEN\)/);
  assert(!stderr.includes(stage.world.backend.token));
});

Deno.test("with --log-format json every line is an object", async () => {
  await using stage = await Stage.set(YAML);
  await using node = await stage.startNode("--log-format", "json");
  await node.end("SIGTERM");
  for (const line of node.output.stderr.trimEnd().split("\n")) {
    assertEquals(Object.keys(JSON.parse(line)), ["time", "level", "component", "message"]);
  }
});

Deno.test("unknown keys of cyberwave.yml are told, and no reason to stop", async () => {
  await using stage = await Stage.set("  infrence: echo");
  await using node = await stage.startNode();
  assertMatch(node.output.stderr, /WARN {2}Ignored "infrence" .*did you mean inference\?/);
});

Deno.test("with --log-format json lines about a job have its fields, and one that failed is a warning", async () => {
  await using stage = await Stage.set("  inference: exit 127");
  await using node = stage.start(["start", "--log-format", "json"]);
  await using sender = await stage.senderFor(node);
  await sender.ask({ command: "inference", request_id: "r1" });
  const [line] = await node.awaitLine(/^.*inference r1 failed.*$/);
  const { time: _, workload_id, pid, duration_s, message, ...rest } = JSON.parse(line!);
  assertMatch(message, /^inference r1 failed \(code 127: command not found\) after [\d.]+ s$/);
  assertMatch(`${workload_id} ${pid} ${duration_s}`, /^\w{26} \d+ [\d.]+$/);
  assertEquals(rest, {
    level: "warn",
    component: "commands",
    request_id: "r1",
    kind: "inference",
    exit_code: 127,
  });
});

Deno.test("a fatal error is JSON too for who reads JSON, also before the settings are known", async () => {
  await using stage = await Stage.set("  heartbeat_interval: often");
  const asked: [args: string[], env: Record<string, string>][] = [
    [["start", "--log-format", "json"], {}],
    [["start", "--log-format=json", "--no-such-flag"], {}],
    [["start"], { CYBERWAVE_LOG_FORMAT: "json" }],
  ];
  for (const [args, env] of asked) {
    const { code, stderr } = await stage.run(args, { env });
    const { time: _, message, hint: __, ...rest } = JSON.parse(stderr.trim().split("\n").at(-1)!);
    assertEquals(rest, { level: "error", component: "program", exit_code: 2 });
    assertEquals([code, message.length > 0], [2, true]);
  }
});

Deno.test("start says what it serves and from which file, and what looks wrong as validate does", async () => {
  await using stage = await Stage.set(
    "  inference: pyhton infer.py\n  training: cat {body_file}\n",
  );
  await using node = stage.start(["start"]);
  await node.awaitLine(/WARN .*inference has no placeholder.* -> Write \{body\}/);
  await node.awaitLine(
    /WARN .*inference runs "pyhton", which is not on the PATH \(from cyberwave.yml, line/,
  );
  const [, file] = await node.awaitLine(/INFO .*ready: inference, training from (.*)$/);
  assertEquals(file, `${await Deno.realPath(stage.world.folder)}/cyberwave.yml`);
  assertEquals(await node.end("SIGTERM"), 0);
});

Deno.test("start without a command warns that none can run", async () => {
  await using stage = await Stage.set("  heartbeat_interval: 1m\n");
  await using node = stage.start(["start"]);
  await node.awaitLine(/WARN .*No inference, training or simulate command is configured/);
  await node.awaitLine(/INFO .*ready: status alone from .*cyberwave\.yml$/);
  assertEquals(await node.end("SIGTERM"), 0);
});

Deno.test("a job gets env, env_file and .env in this order, and logs show names but no secrets", async () => {
  await using stage = await Stage.set(
    `  inference: echo {body_file} >&2; echo "$A $B $C $CYBERWAVE_API_TOKEN"
  env: { A: "env-\${D_TOKEN}", CYBERWAVE_API_TOKEN: token-of-the-job }
  env_file: [job.env, { path: gone.env, required: false }]
`,
  );
  const { folder } = stage.world;
  await Deno.writeTextFile(`${folder}/job.env`, "A=file\nB=file\n");
  await Deno.writeTextFile(`${folder}/.env`, "A=dot\nB=dot\nC=dot\nD_TOKEN=from-dotenv\n");
  await using node = stage.start(["start", "-v"]);
  await node.awaitLine(/DEBUG .*variables for workloads from env: A, CYBERWAVE_API_TOKEN$/);
  await node.awaitLine(/DEBUG .*variables for workloads from env_file: A, B$/);
  await node.awaitLine(/DEBUG .*variables for workloads from \.env: A, B, C, D_TOKEN$/);
  await using sender = await stage.senderFor(node);
  const { output } = await sender.ask({ command: "inference", request_id: "r1" });
  assertEquals(output, "env-from-dotenv file dot token-of-the-job\n");
  assertEquals(await node.end("SIGTERM"), 0);
  for (const secret of ["from-dotenv", "token-of-the-job"]) {
    assert(!node.output.stderr.includes(secret), node.output.stderr);
  }
});

Deno.test("a variable that must be set and is not keeps the node from starting", async () => {
  await using stage = await Stage.set(
    "  inference: echo {body}\n  env:\n    A: ${NOT_SET:?the model}\n",
  );
  const { code, stderr } = await stage.run(["start"]);
  assertEquals(code, 2);
  assertStringIncludes(
    stderr,
    'error: env for A needs the variable NOT_SET: "the model" (from cyberwave.yml, line 4, column 8)\n',
  );
});

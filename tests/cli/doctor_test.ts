import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Authority } from "../support/authority.ts";
import { denySubscriptions, Mosquitto, mosquittoAvailable } from "../support/mosquitto.ts";
import { isAlive } from "../support/executors.ts";
import { Program } from "../support/program.ts";
import { Stage } from "../support/stage.ts";

const YAML = "  inference: echo {body}\n";
const NAMES = [
  "config",
  "token",
  "backend",
  "clock",
  "broker",
  "commands",
  "disk",
  "node",
  "agent",
  "shell",
  "gpu",
  "deno",
];
const brokerTest = (sentence: string, fn: () => Promise<void>) =>
  Deno.test({ name: sentence, ignore: !mosquittoAvailable(), fn });

interface Result {
  readonly name: string;
  readonly status: "ok" | "warn" | "fail";
  readonly detail: string;
  readonly fix: string | null;
}

/** Runs doctor on a stage and gives what it found, by the names of the checks. */
async function examine(stage: Stage, env: Record<string, string> = {}, args: string[] = []) {
  const { code, stdout, stderr } = await stage.run(["doctor", "--json", ...args], { env });
  const { ok, checks }: { ok: boolean; checks: Result[] } = JSON.parse(stdout);
  assertEquals(checks.map(({ name }) => name), NAMES);
  const failed = checks.filter(({ status }) => status === "fail");
  assertEquals([code, ok], failed.length === 0 ? [0, true] : [1, false]);
  const found = Object.fromEntries(checks.map((check) => [check.name, check]));
  return { found, failed: failed.map(({ name }) => name), text: stdout + stderr };
}

function broker({ host, port }: { host: string; port: number }): Record<string, string> {
  return { CYBERWAVE_MQTT_HOST: host, CYBERWAVE_MQTT_PORT: `${port}` };
}

Deno.test("doctor prints a line for each check, and exits with 0 when none failed", async () => {
  await using stage = await Stage.set(YAML);
  const { code, stdout, stderr } = await stage.run(["doctor", "--slug", "n"]);
  assertEquals([code, stderr], [0, ""]);
  const lines = stdout.trimEnd().split("\n");
  assertEquals(lines.length, NAMES.length);
  for (const [index, name] of NAMES.entries()) {
    assertMatch(lines[index]!, new RegExp(`^(ok  |warn)  ${name} `));
  }
  const { backend, broker, folder } = stage.world;
  assertStringIncludes(stdout, `${folder}/cyberwave.yml configures inference\n`);
  assertStringIncludes(stdout, "accepted by the backend (from environment variable CYBERWAVE_API");
  assertMatch(stdout, new RegExp(`${backend.url} answers in [\\d.]+ ms \\(TCP [\\d.]+ ms\\)\n`));
  assertMatch(stdout, new RegExp(`${broker.port} accepts user "n" \\(TCP .* ms, MQTT 5 .* ms\\)`));
  assertStringIncludes(stdout, "may be subscribed to: cyberwave/cloud-node/n/command\n");
  assert(!stdout.includes(backend.token));
});

Deno.test("a broker to which the password goes in clear text is a warning with the lines that turn TLS on", async () => {
  await using stage = await Stage.set(YAML);
  const { code, stdout } = await stage.run(["doctor", "--mqtt-host", "0.0.0.0"]);
  assertEquals(code, 0);
  assertMatch(
    stdout,
    /^warn {2}broker .* accepts user .*\. The API token is sent .* in clear text.* -> .*mqtt_port: 8883.*mqtt_use_tls: true/m,
  );
});

Deno.test("doctor disturbs no node that runs, and names its process and topics", async () => {
  await using stage = await Stage.set(YAML);
  await using node = await stage.startNode("--slug", "busy");
  const { found, failed } = await examine(stage);
  assertEquals(failed, []);
  const [, uuid] = /registered as "busy" \((.*)\), running as process (\d+)$/.exec(
    found.node!.detail,
  )!;
  assertStringIncludes(found.node!.detail, `process ${node.pid}`);
  assertStringIncludes(found.broker!.detail, `accepts user "${uuid}"`);
  assertStringIncludes(
    found.commands!.detail,
    `${uuid}/command, cyberwave/cloud-node/busy/command`,
  );
  assertEquals((await stage.run(["run", "inference", "{}"])).stdout, "{}\n");
  await node.end("SIGTERM");
  assert(!/Lost the connection|WARN|ERROR/.test(node.output.stderr), node.output.stderr);
});

Deno.test("doctor tells a token that is rejected, and does not show it", async () => {
  await using stage = await Stage.set(YAML);
  const stale = "stale-token-of-last-year";
  const { found, failed, text } = await examine(stage, { CYBERWAVE_API_TOKEN: stale });
  assertEquals(failed, ["token"]);
  assertMatch(found.token!.detail, /rejected the API token from environment variable/);
  assertStringIncludes(found.token!.fix!, "cyberwave-cli login");
  assert(!text.includes(stale), text);
});

Deno.test("doctor tells a token that is missing", async () => {
  await using stage = await Stage.set(YAML);
  const { found, failed } = await examine(stage, { CYBERWAVE_API_TOKEN: "" });
  assertEquals([failed, found.token!.detail], [["token"], "There is no API token"]);
});

Deno.test("doctor tells at which step the way to backend and broker ends", async () => {
  await using stage = await Stage.set(YAML);
  using closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = closed.addr;
  closed.close();
  const nowhere = await examine(stage, {
    CYBERWAVE_API_URL: "https://nowhere.invalid",
    ...broker({ host: "nowhere.invalid", port: 1883 }),
  });
  assertEquals(nowhere.failed, ["backend", "broker"]);
  const dns = 'DNS: host name "nowhere.invalid" cannot be resolved';
  assertStringIncludes(nowhere.found.backend!.detail, dns);
  assertStringIncludes(nowhere.found.broker!.detail, dns);
  assertMatch(nowhere.found.token!.detail, /^not checked: GET .* got no answer/);
  assertMatch(nowhere.found.clock!.detail, /^not checked: the backend does not answer/);

  const refused = await examine(stage, {
    CYBERWAVE_API_URL: `http://127.0.0.1:${port}`,
    ...broker({ host: "127.0.0.1", port }),
  });
  assertEquals(refused.failed, ["backend", "broker"]);
  assertStringIncludes(refused.found.backend!.detail, "TCP: connection refused");
  assertStringIncludes(refused.found.broker!.detail, "TCP: connection refused");
  for (const name of refused.failed) assertStringIncludes(refused.found[name]!.fix!, "firewall");
});

Deno.test("a backend that is asked over MQTT may be out of reach by HTTP", async () => {
  await using stage = await Stage.set(YAML);
  const env = { CYBERWAVE_API_URL: "http://nowhere.invalid" };
  const { found, failed } = await examine(stage, env, ["--control-plane", "mqtt"]);
  assertEquals([failed, found.backend!.status], [[], "warn"]);
});

Deno.test("doctor waits no longer than it may for servers that never answer", async () => {
  await using stage = await Stage.set(YAML);
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = silent.addr;
  const env = {
    CYBERWAVE_API_URL: `http://127.0.0.1:${port}`,
    CYBERWAVE_INSTANCE_SLUG: "n",
    ...broker({ host: "127.0.0.1", port }),
  };
  const { found, failed } = await examine(stage, env, ["--timeout", "0.5"]);
  assertEquals(failed, ["token", "backend", "clock", "broker", "commands"]);
  for (const name of failed) assertEquals(found[name]!.detail, "no result within 0.5 s");
  assertStringIncludes(found.broker!.fix!, "--timeout");
});

Deno.test("doctor tells what is wrong about an API that answers strangely", async () => {
  const table: [number, HeadersInit, RegExp][] = [
    [404, {}, /has no Cyberwave API/],
    [503, {}, /fails \(it answers 503\)/],
    [302, { Location: "https://elsewhere.example/" }, /redirects to "https:\/\/elsewhere\.example/],
  ];
  await using stage = await Stage.set(YAML);
  for (const [status, headers, pattern] of table) {
    await using server = serve(() => new Response(null, { status, headers }));
    const { found, failed } = await examine(stage, { CYBERWAVE_API_URL: server.url });
    assertEquals(failed, ["backend"]);
    assertMatch(found.backend!.detail, pattern);
    assertEquals(found.token!.status, "warn");
  }
});

Deno.test("doctor tells a clock that is wrong", async () => {
  await using stage = await Stage.set(YAML);
  const table: [number, Result["status"], RegExp][] = [
    [0, "ok", /^agrees with the backend's$/],
    [60_000, "warn", /^(59|60|61) s behind the backend's$/],
    [-3_600_000, "fail", /^3(599|600|601) s ahead of the backend's: certificates and/],
  ];
  for (const [ahead, status, detail] of table) {
    const date = () => new Date(Date.now() + ahead).toUTCString();
    await using server = serve(() => Response.json([], { headers: { Date: date() } }));
    const { found } = await examine(stage, { CYBERWAVE_API_URL: server.url });
    assertEquals(found.clock!.status, status);
    assertMatch(found.clock!.detail, detail);
    if (status !== "ok") assertStringIncludes(found.clock!.fix!, "NTP");
  }
});

Deno.test("doctor checks the machine when the config is wrong, and the network not", async () => {
  await using stage = await Stage.set("  inference: cat '{body}'\n  mqtt_port: abc\n");
  const env = { CYBERWAVE_MQTT_PORT: "" };
  const { found, failed } = await examine(stage, env);
  assertEquals(failed, ["config"]);
  assertMatch(found.config!.detail, /^mqtt_port must be a port number .* \(and 1 more\)$/);
  assertStringIncludes(found.config!.fix!, "validate");
  for (const name of ["token", "backend", "clock", "broker", "commands"]) {
    assertEquals(found[name]!.detail, "not checked: first correct the configuration");
  }
  assertEquals([found.disk!.status, found.shell!.status], ["ok", "ok"]);
});

Deno.test("doctor warns of what looks wrong in the config", async () => {
  await using stage = await Stage.set("  infrence: echo\n");
  const { found, failed } = await examine(stage);
  assertEquals([failed, found.config!.status], [[], "warn"]);
  assertMatch(found.config!.detail, /^Ignored "infrence" .* \(and 1 more\)$/);
});

Deno.test("doctor tells a state folder that cannot be written to", async () => {
  await using stage = await Stage.set(YAML);
  const { folder } = stage.world;
  await Deno.writeTextFile(`${folder}/file`, "");
  await Deno.mkdir(`${folder}/locked`, { mode: 0o500 });
  const folders = [`${folder}/file`, `${folder}/file/below`];
  // Nothing is forbidden to root.
  if (Deno.uid() !== 0) folders.push(`${folder}/locked`, `${folder}/locked/below`);
  for (const path of folders) {
    const { found, failed } = await examine(stage, { CYBERWAVE_EDGE_CONFIG_DIR: path });
    assert(failed.includes("disk"), path);
    assertMatch(found.disk!.detail, /is not a folder|cannot be written to/);
    assertStringIncludes(found.disk!.fix!, "--state-folder");
  }
});

Deno.test("doctor tells a state folder that others see or share", async () => {
  await using stage = await Stage.set(YAML);
  const path = `${stage.world.folder}/open`;
  await Deno.mkdir(path);
  await Deno.chmod(path, 0o755);
  const open = await examine(stage, { CYBERWAVE_EDGE_CONFIG_DIR: path });
  assertEquals(open.found.disk!.status, "warn");
  assertStringIncludes(open.found.disk!.fix!, "chmod 700");
  await Deno.chmod(path, 0o1777);
  const shared = await examine(stage, { CYBERWAVE_EDGE_CONFIG_DIR: path });
  assertEquals(shared.failed, ["disk"]);
  assertEquals([...Deno.readDirSync(path)], [], "doctor left something behind");
});

Deno.test("doctor leaves everything as it is", async () => {
  await using stage = await Stage.set(YAML);
  await Deno.mkdir(stage.world.stateFolder, { mode: 0o700 });
  const identity = `${stage.world.stateFolder}/instance_identity.json`;
  await Deno.writeTextFile(identity, "{ not JSON");
  const { found, failed } = await examine(stage);
  assertEquals([failed, found.node!.status], [[], "warn"]);
  assertMatch(found.node!.detail, /^the stored identity is not usable/);
  assertEquals(await Deno.readTextFile(identity), "{ not JSON");
  assertEquals(stage.world.backend.instances.size, 0);
});

Deno.test("doctor tells when templates run under sh because there is no bash", async () => {
  await using stage = await Stage.set(YAML);
  const bin = `${stage.world.folder}/bin`;
  await Deno.mkdir(bin);
  await Deno.symlink("/bin/sh", `${bin}/sh`);
  await Deno.symlink("/bin/cat", `${bin}/cat`);
  const { found, failed } = await examine(stage, { PATH: bin });
  assertEquals([failed, found.shell!.status], [[], "warn"]);
  await Deno.remove(`${bin}/sh`);
  const none = await examine(stage, { PATH: bin });
  assert(none.failed.includes("shell"));
  assertStringIncludes(none.found.shell!.detail, 'Cannot run "sh"');
});

Deno.test("doctor tells which GPUs nvidia-smi knows, and when it fails", async () => {
  await using stage = await Stage.set(YAML);
  const { folder } = stage.world;
  const install = (script: string) =>
    Deno.writeTextFile(`${folder}/nvidia-smi`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const env = { PATH: `${folder}:${Deno.env.get("PATH")}` };
  await install("echo 'NVIDIA L4, 23034 MiB, 550.54'; echo 'NVIDIA L4, 23034 MiB, 550.54'");
  const two = await examine(stage, env);
  assertEquals(two.found.gpu!.status, "ok");
  assertEquals(two.found.gpu!.detail.split("; ").length, 2);
  await install("echo 'driver/library version mismatch'; exit 18");
  const broken = await examine(stage, env);
  assertEquals([broken.failed, broken.found.gpu!.status], [[], "warn"]);
  assertStringIncludes(broken.found.gpu!.detail, "code 18: driver/library version mismatch");
});

Deno.test("doctor says which program does not answer about GPUs, and leaves none of them behind", async () => {
  await using stage = await Stage.set(YAML);
  const { folder } = stage.world;
  const env = { PATH: `${folder}:${Deno.env.get("PATH")}` };
  const silent = `#!/bin/sh\necho $$ >>${folder}/pids\nexec sleep 1000\n`;
  const gpu = async (seconds: string) => {
    const { status, detail, fix } = (await examine(stage, env, ["--timeout", seconds])).found.gpu!;
    assertStringIncludes(fix!, "look for errors of the GPU in dmesg (Xid, amdgpu)");
    return [status, detail];
  };
  await Deno.writeTextFile(`${folder}/rocm-smi`, silent, { mode: 0o755 });
  await stage.configure(`${YAML}\n  gpus: auto\n`);
  assertEquals(await gpu("5"), ["fail", "rocm-smi has not answered within 5 s"]);
  await Deno.writeTextFile(`${folder}/nvidia-smi`, silent, { mode: 0o755 });
  assertEquals(await gpu("2"), ["fail", "nvidia-smi has not answered within 2 s"]);
  await stage.configure(YAML);
  assertEquals(await gpu("1"), ["warn", "nvidia-smi has not answered within 1 s"]);
  const pids = (await Deno.readTextFile(`${folder}/pids`)).trim().split("\n").map(Number);
  for (const pid of pids) while (await isAlive(pid));
});

Deno.test("doctor compares the GPUs that are to be given with those that are there", async () => {
  await using stage = await Stage.set(YAML);
  const { folder } = stage.world;
  const env = { PATH: `${folder}:${Deno.env.get("PATH")}` };
  const gpu = async (gpus: string) => {
    await stage.configure(`${YAML}\n  gpus: ${gpus}\n`);
    const { status, detail } = (await examine(stage, env)).found.gpu!;
    return `${status}: ${detail}`;
  };
  const none = "neither nvidia-smi nor rocm-smi finds any";
  assertEquals(await gpu("auto"), `fail: ${none}, but gpus is auto`);
  const list = "GPU 0: NVIDIA L4 (UUID: GPU-a1)";
  const script =
    `#!/bin/sh\ncase $1 in -L) echo '${list}' ;; *) echo 'NVIDIA L4, 1 MiB, 5' ;; esac\n`;
  await Deno.writeTextFile(`${folder}/nvidia-smi`, script, { mode: 0o755 });
  assertEquals(await gpu("auto"), "ok: NVIDIA L4, 1 MiB, 5; workloads are given all");
  assertEquals(await gpu("[GPU-a]"), "ok: NVIDIA L4, 1 MiB, 5; workloads are given GPU-a");
  assertEquals(await gpu("2"), "fail: NVIDIA L4, 1 MiB, 5, but gpus is 2");
  assertEquals(
    await gpu("[0, 3]"),
    "warn: NVIDIA L4, 1 MiB, 5; gpus names 3, which is not there",
  );
  await Deno.remove(`${folder}/nvidia-smi`);
  const rocm = `#!/bin/sh\necho '{"card0": {"Unique ID": "0x1"}, "card1": {"Unique ID": "0x2"}}'\n`;
  await Deno.writeTextFile(`${folder}/rocm-smi`, rocm, { mode: 0o755 });
  assertEquals(await gpu("2"), "ok: rocm-smi finds 2; workloads are given the first 2");
});

brokerTest("doctor tells a broker that rejects the password", async () => {
  await using stage = await Stage.set(YAML);
  await using mosquitto = await Mosquitto.start({ users: { robot: "right" } });
  const env = { ...broker(mosquitto), CYBERWAVE_MQTT_USERNAME: "robot" };
  const wrong = await examine(stage, { ...env, CYBERWAVE_MQTT_PASSWORD: "wrong-password" });
  assertEquals(wrong.failed, ["broker"]);
  assertStringIncludes(wrong.found.broker!.detail, 'MQTT: the broker rejected user name "robot"');
  assertStringIncludes(wrong.found.broker!.fix!, "Check CYBERWAVE_MQTT_USERNAME");
  assert(!wrong.text.includes("wrong-password"));
  const right = await examine(stage, { ...env, CYBERWAVE_MQTT_PASSWORD: "right" });
  assertEquals(right.failed, []);
});

Deno.test("doctor tells a broker that is too old for the backend to be asked over MQTT", async () => {
  await using stage = await Stage.set(YAML);
  await using old = serveMqtt3();
  const rest = await examine(stage, broker(old));
  assertEquals(rest.failed, []);
  assertStringIncludes(rest.found.broker!.detail, "MQTT 3.1.1");
  const { found, failed } = await examine(stage, broker(old), ["--control-plane", "mqtt"]);
  assertEquals(failed, ["broker"]);
  assertStringIncludes(found.broker!.detail, "does not speak MQTT 5");
});

brokerTest("doctor tells a broker that lets the node subscribe to nothing", async () => {
  await using stage = await Stage.set(YAML);
  const config = await denySubscriptions(stage.world.folder);
  await using mosquitto = await Mosquitto.start({ config, users: { robot: "right" } });
  const env = {
    ...broker(mosquitto),
    CYBERWAVE_MQTT_USERNAME: "robot",
    CYBERWAVE_MQTT_PASSWORD: "right",
    CYBERWAVE_INSTANCE_SLUG: "n",
    CYBERWAVE_ENVIRONMENT: "dev",
  };
  const { found, failed } = await examine(stage, env);
  assertEquals(failed, ["commands"]);
  assertMatch(
    found.commands!.detail,
    /^the broker refuses the subscription to "devcyberwave\/cloud-node\/n\/command": not auth/,
  );
  assertStringIncludes(found.commands!.fix!, "administrator");
});

brokerTest("doctor tells what is wrong about a broker's TLS", async () => {
  await using authority = await Authority.create();
  await using stranger = await Authority.create();
  await using stage = await Stage.set(YAML);
  const tls = await authority.issue("subjectAltName=DNS:localhost");
  await using mosquitto = await Mosquitto.start({ tls });
  const env = (host: string, ca: string) => ({
    ...broker({ host, port: mosquitto.port }),
    CYBERWAVE_MQTT_USE_TLS: "true",
    CYBERWAVE_MQTT_TLS_CA_CERTS: ca,
  });
  const right = await examine(stage, env("localhost", authority.file));
  assertEquals(right.failed, []);
  assertMatch(right.found.broker!.detail, /^mqtts:.*\(DNS .* ms, TCP .* ms, TLS .* ms, MQTT 5/);

  const wrong = await examine(stage, env("localhost", stranger.file));
  assertEquals(wrong.failed, ["broker"]);
  // Runtimes differ in when they tell: with the handshake, or with what is said first.
  assertMatch(
    wrong.found.broker!.detail,
    /(TLS|MQTT): the broker's certificate is not signed by a trusted authority/,
  );
  assertStringIncludes(wrong.found.broker!.fix!, "mqtt_tls_ca_certs");

  const elsewhere = await examine(stage, env("127.0.0.1", authority.file));
  assertStringIncludes(elsewhere.found.broker!.detail, "certificate is not for host");

  const missing = await examine(stage, env("localhost", "missing.pem"));
  assertEquals(missing.failed, ["config", "broker"]);
});

brokerTest("doctor tells a backend whose certificate nobody trusts", async () => {
  await using authority = await Authority.create();
  await using stage = await Stage.set(YAML);
  const { certificate, key } = await authority.issue("subjectAltName=DNS:localhost");
  const stop = new AbortController();
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    cert: await Deno.readTextFile(certificate),
    key: await Deno.readTextFile(key),
    signal: stop.signal,
    onListen() {},
  }, () => Response.json([]));
  const env = { CYBERWAVE_API_URL: `https://localhost:${server.addr.port}` };
  const { found, failed } = await examine(stage, env);
  assertEquals(failed, ["backend"]);
  assertMatch(
    found.backend!.detail,
    /TLS: the backend's certificate is not signed by|HTTP: invalid peer certificate: UnknownIssuer/,
  );
  assertStringIncludes(found.backend!.fix!, "DENO_CERT");
  const trusting = await examine(stage, { ...env, DENO_CERT: authority.file });
  assertEquals([trusting.failed, trusting.found.backend!.status], [[], "ok"]);
  stop.abort();
  await server.finished;
});

Deno.test("doctor works without any config at all", async () => {
  const folder = await Deno.makeTempDir();
  const env = { CYBERWAVE_EDGE_CONFIG_DIR: `${folder}/state`, CYBERWAVE_API_TOKEN: "t" };
  const flags = ["--api-url", "http://nowhere.invalid", "--mqtt-host", "nowhere.invalid"];
  const { code, stdout, stderr } = await Program.run(["doctor", ...flags], { cwd: folder, env });
  assertEquals(code, 1);
  assertMatch(stdout, /^warn {2}config +No inference, .* -> Write a cyberwave\.yml: .* init/);
  // Some runtimes warn of what a dependency uses.
  const own = stderr.replaceAll(/^\(node:.*\n/gm, "");
  assertMatch(own, /^\n2 of 12 checks failed\n$/);
  await Deno.remove(folder, { recursive: true });
});

/** An HTTP server for a test. */
function serve(answer: () => Response) {
  const stop = new AbortController();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, signal: stop.signal, onListen() {} },
    answer,
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await server.finished;
    },
  };
}

/** A broker that lets everybody in who speaks MQTT 3.1.1, and can do nothing else. */
function serveMqtt3() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const visits: Promise<void>[] = [];
  const served = (async () => {
    for await (const connection of listener) visits.push(receive(connection));
  })();
  return {
    host: "127.0.0.1",
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await served;
      await Promise.all(visits);
    },
  };
}

async function receive(connection: Deno.Conn): Promise<void> {
  using visitor = connection;
  const connect = new Uint8Array(1024);
  if (await visitor.read(connect) === null) return;
  // The version stands behind the fixed header and the protocol's name.
  const isTooNew = connect[connect[1]! < 0x80 ? 8 : 9] === 5;
  await visitor.write(new Uint8Array([0x20, 2, 0, isTooNew ? 1 : 0]));
  if (!isTooNew) await visitor.read(connect);
}

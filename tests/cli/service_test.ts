import {
  assert,
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertStringIncludes,
} from "@std/assert";
import { existsSync } from "node:fs";
import { V8_FLAGS } from "../../src/cli/invocation.ts";
import { Gate, Stage } from "../support/stage.ts";
import {
  assignments,
  NotifySocket,
  systemdAvailable,
  UnitProcess,
  variables,
  words,
} from "../support/systemd.ts";
import { BINARY, DENO_DIR } from "../support/command.ts";
import { lockFolder } from "../../src/state/lock.ts";
import { systemClock } from "../../src/time.ts";
import { RecordingLogger } from "../support/events.ts";
import { exists } from "../../src/config/files/text_file.ts";
import { isAlive } from "../support/executors.ts";
import { Program } from "../support/program.ts";

const LINUX = Deno.build.os === "linux";
const onLinux = (sentence: string, fn: () => Promise<void>) =>
  Deno.test({ name: sentence, ignore: !LINUX, fn });
const withSystemd = (sentence: string, fn: () => Promise<void>) =>
  Deno.test({ name: sentence, ignore: !systemdAvailable(), fn });

const OFFLINE = ["run", "-A", "--cached-only", "--minimum-dependency-age=0", V8_FLAGS];
const UNIT = "systemd/user/cyberwave-cloud-node.service";

function runs([program, ...args]: readonly string[]): boolean {
  try {
    return new Deno.Command(program!, { args, stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
}

/** A computer with a service manager that writes down what it is asked, and a home folder. */
class Computer implements AsyncDisposable {
  private constructor(readonly folder: string, readonly programs: string) {}

  static async set(): Promise<Computer> {
    const folder = await Deno.makeTempDir({ prefix: "cloud_node_" });
    const computer = new Computer(folder, `${folder}/bin`);
    await Deno.mkdir(computer.programs);
    for (const name of ["systemctl", "journalctl", "loginctl"]) await computer.provide(name);
    return computer;
  }

  /** Puts a program there that does `more` after it has written down how it was called. */
  async provide(name: string, more = ""): Promise<void> {
    const script = `#!/bin/sh\necho "${name} $*" >>"${this.folder}/asked"\n${more}\n`;
    await Deno.writeTextFile(`${this.programs}/${name}`, script, { mode: 0o755 });
  }

  service(...args: string[]) {
    return this.serviceWith({}, ...args);
  }

  /** The same with more variables in the shell. */
  serviceWith(more: Readonly<Record<string, string>>, ...args: string[]) {
    return Program.run(["service", ...args], {
      cwd: this.folder,
      env: {
        ...more,
        HOME: this.folder,
        XDG_CONFIG_HOME: `${this.folder}/config`,
        PATH: `${this.programs}:${Deno.env.get("PATH")}`,
      },
    });
  }

  /** What the service manager was asked since the last time. */
  async asked(): Promise<string[]> {
    const lines = (await Deno.readTextFile(`${this.folder}/asked`)).trim().split("\n");
    await Deno.remove(`${this.folder}/asked`);
    return lines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

onLinux(
  "service install writes a unit, starts it, and says what is next; twice is as once",
  async () => {
    await using computer = await Computer.set();
    const first = await computer.service("install", "--user");
    assertEquals(first.code, 0, first.stderr);
    const path = `${computer.folder}/config/${UNIT}`;
    const cached = BINARY === undefined ? "Ran \\S+ cache --quiet --lock=\\S+ \\S+main\\.ts\n" : "";
    assertMatch(
      first.stdout,
      new RegExp(`^Wrote ${path}\n${cached}Ran systemctl --user daemon-reload\n`),
    );
    assertMatch(first.stdout, /\nNext: cyberwave-cloud-node service status/);
    const expected = [
      "systemctl --user daemon-reload",
      "systemctl --user enable cyberwave-cloud-node",
      "loginctl enable-linger",
      "systemctl --user restart --no-block cyberwave-cloud-node",
    ];
    assertEquals(await computer.asked(), expected);
    const printed = await computer.service("install", "--user", "--print");
    assertEquals(printed.stdout, await Deno.readTextFile(path));
    const second = await computer.service("install", "--user");
    assertMatch(second.stdout, new RegExp(`^Unchanged: ${path}\n`));
    assertEquals(await computer.asked(), expected);
  },
);

onLinux("service install says where the token must be, without ever writing it", async () => {
  await using computer = await Computer.set();
  const token = "a-token-of-the-shell";
  const env = {
    CYBERWAVE_API_TOKEN: token,
    HOME: computer.folder,
    XDG_CONFIG_HOME: `${computer.folder}/config`,
    PATH: `${computer.programs}:${Deno.env.get("PATH")}`,
  };
  const options = { cwd: computer.folder, env };
  const { code, stdout, stderr } = await Program.run(["service", "install", "--user"], options);
  assertEquals(code, 0);
  assertMatch(stderr, /does not see these variables of your shell: CYBERWAVE_API_TOKEN\n/);
  assertStringIncludes(
    stderr,
    `write CYBERWAVE_API_TOKEN=... to ${computer.folder}/.cyberwave/.env`,
  );
  const unit = await Deno.readTextFile(`${computer.folder}/config/${UNIT}`);
  for (const text of [stdout, stderr, unit]) assertNotMatch(text, new RegExp(token));

  await Deno.writeTextFile(`${computer.folder}/.env`, `CYBERWAVE_API_TOKEN=${token}\n`);
  const told = await Program.run(["service", "install", "--user"], options);
  assertNotMatch(told.stderr, /finds no API token/);
});

onLinux("service status, logs and uninstall ask the service manager", async () => {
  await using computer = await Computer.set();
  await computer.service("install", "--user");
  await computer.asked();
  await computer.provide("systemctl", "echo active; exit 3");
  const status = await computer.service("status", "--user");
  assertEquals([status.code, status.stdout], [3, "active\n"]);
  await computer.service("logs", "--user", "-f");
  assertEquals(await computer.asked(), [
    "systemctl --user status --no-pager cyberwave-cloud-node",
    "journalctl --user-unit cyberwave-cloud-node --lines 200 --follow",
  ]);
  await computer.provide("systemctl");
  const removed = await computer.service("uninstall", "--user");
  assertMatch(removed.stdout, /\nState and running work remain\n$/);
  assertEquals(await computer.asked(), [
    "systemctl --user disable --now cyberwave-cloud-node",
    "systemctl --user daemon-reload",
  ]);
  const again = await computer.service("uninstall", "--user");
  assertMatch(again.stdout, /nothing to remove/);
});

onLinux(
  "service stop and uninstall tell a node to end what it has loaded, restart does not",
  async () => {
    await using computer = await Computer.set();
    await computer.service("install", "--user");
    const stateFolder = `${computer.folder}/.cyberwave`;
    const mark = `${stateFolder}/unload`;
    await Deno.mkdir(stateFolder, { recursive: true });
    const look = `test ! -e ${mark} || echo marked >>"${computer.folder}/asked"; rm -f ${mark}`;
    await computer.provide("systemctl", look);
    const isMarked = async (action: string) => {
      await computer.service(action, "--user");
      return (await computer.asked()).includes("marked");
    };
    assertEquals(await isMarked("stop"), false, "no node runs");
    {
      using _node = lockFolder(stateFolder, { clock: systemClock, logger: new RecordingLogger() });
      assertEquals([await isMarked("stop"), await isMarked("restart")], [true, false]);
      await computer.provide("systemctl", "exit 1");
      assertEquals((await computer.service("stop", "--user")).code, 1);
      assertEquals(await exists(mark), false, "it was not stopped");
      await computer.provide("systemctl", look);
      await Deno.writeTextFile(`${computer.folder}/cyberwave.yml`, "[");
      assertEquals([await isMarked("stop"), await isMarked("uninstall")], [true, true]);
      await computer.service("uninstall", "--user");
      assertEquals(await exists(mark), false, "there is no service any more");
    }
  },
);

onLinux("a service has the time that what it has loaded may take to end", async () => {
  await using computer = await Computer.set();
  const seconds = async () => {
    const { stdout } = await computer.service("install", "--user", "--print");
    return Number(/^TimeoutStopSec=(\d+)$/m.exec(stdout)![1]);
  };
  const before = await seconds();
  const yaml = "cyberwave-cloud-node:\n  inference: {worker: infer.py, unload_timeout: 90}\n";
  await Deno.writeTextFile(`${computer.folder}/cyberwave.yml`, yaml);
  assertEquals(await seconds(), before + 90);
});

onLinux(
  "a service manager that refuses or is missing is named, with what can be done",
  async () => {
    await using computer = await Computer.set();
    await computer.provide("systemctl", "echo no bus >&2; exit 1");
    const refused = await computer.service("install", "--user");
    assertEquals(refused.code, 1);
    assertMatch(
      refused.stderr,
      /"systemctl --user daemon-reload" failed with code 1: no bus\nhint: .*--print/,
    );

    await using bare = await Computer.set();
    for (const name of ["systemctl", "journalctl", "loginctl"]) {
      await Deno.remove(`${bare.programs}/${name}`);
    }
    const shell = new TextDecoder().decode(
      (await new Deno.Command("sh", { args: ["-c", "command -v sh"] }).output()).stdout,
    ).trim();
    await Deno.symlink(shell, `${bare.programs}/sh`);
    const { code, stderr } = await Program.run(["service", "install", "--user"], {
      cwd: bare.folder,
      env: { HOME: bare.folder, XDG_CONFIG_HOME: `${bare.folder}/config`, PATH: bare.programs },
    });
    assertEquals(code, 1);
    assertMatch(stderr, /There is no "systemctl" on this computer\nhint: .*--print/);
  },
);

onLinux(
  "service install --print serves who makes a package, where nothing of it exists",
  async () => {
    await using computer = await Computer.set();
    const { code, stdout } = await computer.service(
      ...["install", "--print", "--system", "--run-as", "cyberwave"],
      ...["--exec-start", "/usr/bin/cyberwave-cloud-node"],
      ...["--config", "/etc/no such folder/cyberwave.yml"],
      ...["--state-folder", "/var/lib/cyberwave-cloud-node"],
    );
    assertEquals(code, 0);
    assertEquals(assignments(stdout, "ExecStart").map(words), [[
      ...[
        "/usr/bin/cyberwave-cloud-node",
        "start",
        "--config",
        "/etc/no such folder/cyberwave.yml",
      ],
      ...["--state-folder", "/var/lib/cyberwave-cloud-node"],
    ]]);
    assertEquals(assignments(stdout, "User"), ["cyberwave"]);
    assertEquals(assignments(stdout, "StateDirectory"), ["cyberwave-cloud-node"]);
    assertEquals(assignments(stdout, "Environment"), []);
  },
);

onLinux(
  "the service of a program that Deno runs bounds V8's memory on its command line",
  async () => {
    await using computer = await Computer.set();
    const { stdout } = await computer.service("install", "--print", "--user");
    const [command] = assignments(stdout, "ExecStart").map(words);
    if (Deno.env.get("CLOUD_NODE_BIN") !== undefined) {
      assertNotMatch(
        command!.join(" "),
        /v8-flags/,
      );
    } else assertEquals(command!.slice(1, 6), OFFLINE);
    // Workloads would inherit it from the environment.
    assertNotMatch(stdout, /DENO_V8_FLAGS/);
  },
);

/** Has the cache know of a newer version of a package, as when another program has asked for it. */
async function hearOfNewer(cache: string, name: string): Promise<void> {
  const path = Array.from(
    Deno.readDirSync(`${cache}/npm`),
    (registry) => `${cache}/npm/${registry.name}/${name}/registry.json`,
  ).find((path) => existsSync(path))!;
  const known = JSON.parse(await Deno.readTextFile(path));
  const { latest } = known["dist-tags"];
  const newer = latest.replace(/\d+$/, (patch: string) => `${Number(patch) + 1}`);
  known.versions[newer] = { ...known.versions[latest], version: newer };
  known["dist-tags"].latest = newer;
  await Deno.writeTextFile(path, JSON.stringify(known));
}

Deno.test({
  name:
    "a service starts with the packages it was installed with, whatever newer ones are known of",
  ignore: !LINUX || BINARY !== undefined,
  async fn() {
    await using computer = await Computer.set();
    const cache = `${computer.folder}/cache`;
    await Deno.mkdir(cache);
    assert(runs(["cp", "-r", `${DENO_DIR}/npm`, cache]));
    const env = { DENO_DIR: cache };
    assertEquals((await computer.serviceWith(env, "install", "--user")).code, 0);
    await hearOfNewer(cache, "mqtt");
    const unit = await Deno.readTextFile(`${computer.folder}/config/${UNIT}`);
    const [command = []] = assignments(unit, "ExecStart").map(words);
    const program = ["env", `DENO_DIR=${cache}`, ...command.slice(0, command.indexOf("start"))];
    assert(runs([...program, "--version"]));
    const unlocked = program.filter((word) => !word.startsWith("--lock="));
    assertEquals(runs([...unlocked, "--version"]), false, "the cache does not have the newer one");
  },
});

const PROXY = "http://user:p4ss%40word@proxy.example:3128";

onLinux(
  "a service knows the certificates and proxies of the shell, and no password is readable",
  async () => {
    await using computer = await Computer.set();
    const env = {
      HTTPS_PROXY: PROXY,
      no_proxy: "localhost,10.0.0.0/8",
      NODE_EXTRA_CA_CERTS: "ca.pem",
      DENO_TLS_CA_STORE: "system,mozilla",
    };
    const printed = await computer.serviceWith(env, "install", "--user", "--print");
    const { code, stdout, stderr } = await computer.serviceWith(env, "install", "--user");
    assertEquals(code, 0, stderr);
    const path = `${computer.folder}/config/${UNIT}`;
    const unit = await Deno.readTextFile(path);
    const { no_proxy, NODE_EXTRA_CA_CERTS, DENO_TLS_CA_STORE } = variables(unit);
    assertEquals([no_proxy, DENO_TLS_CA_STORE], [env.no_proxy, env.DENO_TLS_CA_STORE]);
    assertEquals(NODE_EXTRA_CA_CERTS, `${await Deno.realPath(computer.folder)}/ca.pem`);

    const [secrets] = assignments(unit, "EnvironmentFile");
    assertEquals(secrets, path.replace(/service$/, "env"));
    assertStringIncludes(await Deno.readTextFile(secrets!), `\nHTTPS_PROXY='${PROXY}'\n`);
    assertEquals((await Deno.stat(secrets!)).mode! & 0o777, 0o600);
    for (const text of [unit, stdout, stderr, printed.stdout, printed.stderr]) {
      assertNotMatch(text, /p4ss/);
    }
    assertMatch(printed.stderr, /Write HTTPS_PROXY of your shell to \S+\.env \(mode 0600\)/);

    await computer.serviceWith({ HTTPS_PROXY: "" }, "install", "--user");
    assertEquals(assignments(await Deno.readTextFile(path), "EnvironmentFile"), []);
    assertEquals(await exists(secrets!), false, "the password of an earlier installation is gone");
    await computer.serviceWith(env, "install", "--user");
    await computer.serviceWith(env, "uninstall", "--user");
    assertEquals(await exists(secrets!), false);
  },
);

/** Words that have the command line behind them run with another clock: `faketime` itself would fork. */
function withClock(offset: string): string[] {
  const args = ["-f", offset, "env"];
  if (!runs(["faketime", ...args])) return ["false"];
  const { stdout } = new Deno.Command("faketime", { args }).outputSync();
  const lines = new TextDecoder().decode(stdout).split("\n");
  return ["env", ...lines.filter((line) => /^(LD_PRELOAD|FAKETIME)=/.test(line))];
}

/** Circumstances in which a service starts, as the words before its command line. */
const CIRCUMSTANCES: readonly (readonly [sentence: string, prefix: readonly string[]])[] = [
  ["without a network", ["unshare", "-rn"]],
  ["with a clock that stands ten years back", withClock("-10y")],
];

for (const [sentence, prefix] of CIRCUMSTANCES) {
  Deno.test({
    name: `a service starts ${sentence}: its own command line gets to its backend`,
    ignore: !LINUX || !runs([...prefix, "true"]),
    async fn() {
      await using stage = await Stage.set("  inference: echo {body}\n");
      await Deno.writeTextFile(`${stage.world.folder}/.env`, "CYBERWAVE_API_TOKEN=some-token\n");
      // Nobody listens on this port.
      const args = ["--api-url", "http://127.0.0.1:9", "--state-folder", stage.world.stateFolder];
      const { stdout: unit } = await stage.run([
        ...["service", "install", "--print", "--user", ...args],
        ...["--config", `${stage.world.folder}/cyberwave.yml`],
      ]);
      await using socket = await NotifySocket.listen(`${stage.world.folder}/notify`);
      await using service = UnitProcess.start(unit, socket.address, prefix);
      await service.logged(/Cannot create an instance: POST http:\/\/127\.0\.0\.1:9/);
      assertEquals(await service.stop(), 0);
    },
  });
}

onLinux("service says what is wrong with how it is called", async () => {
  await using computer = await Computer.set();
  const cases: [string[], RegExp][] = [
    [["pause"], /"service" cannot "pause"\nhint: It can install, uninstall, start, stop, restart/],
    [["status", "--print"], /--print goes with "service install" only/],
    [["install", "-f"], /--follow goes with "service logs" only/],
    [["install", "--user", "--system"], /--system or --user, not both/],
    [["install", "--user", "--run-as", "x"], /--run-as needs --system/],
    [["install", "--system", "--run-as", "x\nUser=root"], /is not a user name/],
    [["install", "--system", "--run-as", "nobody-here"], /There is no user "nobody-here"/],
    [["install", "--user", "--exec-start", "node"], /--exec-start must be an absolute path/],
    [["install", "--user", "--config", "nowhere.yml"], /Cannot read "nowhere.yml"/],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await computer.service(...args);
    assertMatch(stderr, message);
    assertEquals(code, 2);
  }
});

withSystemd(
  "a node under systemd tells that it is ready, lives and stops, and its work does not know how",
  async () => {
    await using stage = await Stage.set("  inference: echo [$NOTIFY_SOCKET$WATCHDOG_USEC]");
    await using socket = await NotifySocket.listen(`${stage.world.folder}/notify`);
    const env = { NOTIFY_SOCKET: socket.address, WATCHDOG_USEC: "400000" };
    await using node = stage.start(["start"], { env });
    const [, slug, uuid] = await node.awaitLine(/Cloud Node '(.*)' \((.*)\) is ready/);
    await socket.told(`STATUS=Waiting for commands as ${slug} (${uuid})`);
    for (let sign = 0; sign < 3; sign++) await socket.told("WATCHDOG=1");
    await using sender = await stage.world.sender({ slug: slug!, uuid: uuid! });
    const reply = await sender.ask({ command: "inference", request_id: "r1" });
    assertEquals(reply.output, "[]\n");
    assertEquals(await node.end("SIGTERM"), 0);
    await socket.told("STOPPING=1");
  },
);

withSystemd("a node whose journal is gone shows no more signs of life", async () => {
  await using stage = await Stage.set();
  await using socket = await NotifySocket.listen(`${stage.world.folder}/notify`);
  const env = { NOTIFY_SOCKET: socket.address, WATCHDOG_USEC: "400000" };
  await using node = stage.start(["start"], { env });
  await socket.told("WATCHDOG=1");
  await Deno.remove(`${stage.world.stateFolder}/journal.db`);
  await node.awaitLine(
    /Not healthy; systemd will restart the node: There is no journal/,
  );
});

withSystemd(
  "an upgrade in place keeps running work: the unit's own command line, as systemd treats it",
  async () => {
    await using stage = await Stage.set();
    const { folder, stateFolder } = stage.world;
    const gate = await Gate.in(folder);
    await stage.configure(`  inference: ${gate.template}`);
    // All that the service knows: no variable of this shell reaches it.
    const dotenv = Object.entries(stage.env)
      .filter(([name]) => name !== "CYBERWAVE_EDGE_CONFIG_DIR")
      .map(([name, value]) => `${name}=${value}\n`);
    await Deno.writeTextFile(`${folder}/.env`, dotenv.join(""));
    const { stdout: unit } = await stage.run([
      ...["service", "install", "--print", "--user"],
      ...["--config", `${folder}/cyberwave.yml`, "--state-folder", stateFolder],
    ]);
    assertEquals(assignments(unit, "KillMode"), ["process"]);
    await using socket = await NotifySocket.listen(`${folder}/notify`);

    await using first = UnitProcess.start(unit, socket.address);
    await socket.told("READY=1");
    const [identity] = stage.world.backend.instances.values();
    await using sender = await stage.world.sender(identity!);
    const ids = ["runs", "waits"];
    for (const request_id of ids) await sender.send({ command: "inference", request_id });
    const [, pid] = await first.logged(/inference runs started as process (\d+)/);
    // As `systemctl restart` does it with KillMode=process: the main process, and it alone.
    assertEquals(await first.stop(), 0);
    assert(await isAlive(Number(pid)));
    await socket.told("STOPPING=1");

    await using second = UnitProcess.start(unit, socket.address);
    await second.logged(new RegExp(`inference runs still runs as process ${pid}`));
    await socket.told("READY=1");
    for (const request_id of ids) {
      await gate.open(request_id);
      const { output } = await sender.reply(request_id);
      assertEquals(output, `at the gate\nlet through with ${request_id}\n`);
    }
    assertEquals(await second.stop(), 0);
    const replies = sender.inbox.all.map(({ text }) => JSON.parse(text).request_id);
    assertEquals(replies, ids);
  },
);

onLinux(
  "service start, stop and restart ask the service manager, once it is installed",
  async () => {
    await using computer = await Computer.set();
    const missing = await computer.service("start", "--user");
    assertEquals(missing.code, 1);
    assertStringIncludes(missing.stderr, "The service is not installed: there is no");
    await computer.service("install", "--user");
    await computer.asked();
    const name = "cyberwave-cloud-node";
    const table: [string, string[]][] = [
      ["start", [`systemctl --user start --no-block ${name}`]],
      ["stop", [`systemctl --user stop ${name}`]],
      ["restart", [`systemctl --user stop ${name}`, `systemctl --user start --no-block ${name}`]],
    ];
    for (const [action, asked] of table) {
      const { code, stdout } = await computer.service(action, "--user");
      assertEquals(code, 0);
      assertStringIncludes(stdout, `Ran ${asked[0]}`);
      assertEquals(await computer.asked(), asked);
    }
  },
);

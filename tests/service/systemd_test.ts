import { assertEquals, assertMatch, assertNotMatch, assertThrows } from "@std/assert";
import { ConfigError } from "../../src/errors.ts";
import type { Service } from "../../src/service/service_manager.ts";
import { systemdPlan, unit } from "../../src/service/systemd.ts";
import { assignments, systemdAvailable, variables, verifyUnit, words } from "../support/systemd.ts";

const SERVICE: Service = {
  scope: "system",
  command: ["/usr/bin/cyberwave-cloud-node", "start", "--config", "/srv/robot/cyberwave.yml"],
  workFolder: "/srv/robot",
  user: "robot",
  home: "/home/robot",
  environment: {},
  secrets: {},
  stateFolder: undefined,
  stopSeconds: 20,
};

const HOSTILE: readonly string[] = [
  "a b",
  "per%cent %i %%",
  "$HOME ${HOME} $$",
  `it's "quoted"`,
  "back\\slash\\x41",
  ";",
  "tab\tand\nnewline",
  "",
  "-",
  "ünï ☃",
  "#comment",
];

const test = (sentence: string, fn: () => Promise<void>) =>
  Deno.test({ name: sentence, ignore: !systemdAvailable(), fn });

Deno.test("a unit of the system looks like this", () => {
  const service = { ...SERVICE, environment: { PATH: "/usr/bin" }, stateFolder: "/var/lib/robot" };
  const lines = unit(service).split("\n").filter((line) => !/^(#|$)/.test(line));
  assertEquals(lines, [
    "[Unit]",
    "Description=Cyberwave Cloud Node",
    "Wants=network-online.target",
    "After=network-online.target",
    "[Service]",
    "Type=notify",
    "NotifyAccess=all",
    "ExecStart=/usr/bin/cyberwave-cloud-node start --config /srv/robot/cyberwave.yml",
    "ExecReload=/bin/kill -HUP $MAINPID",
    "WorkingDirectory=/srv/robot",
    "User=robot",
    "StateDirectory=robot",
    "StateDirectoryMode=0700",
    "Environment=PATH=/usr/bin",
    "TimeoutStartSec=infinity",
    "TimeoutStopSec=20",
    "WatchdogSec=60",
    "WatchdogSignal=SIGKILL",
    "Restart=on-failure",
    "RestartSec=10",
    "RestartPreventExitStatus=2 3",
    "KillMode=process",
    "OOMPolicy=continue",
    "LimitNOFILE=65536:524288",
    "TasksMax=infinity",
    "CapabilityBoundingSet=~CAP_SYS_BOOT CAP_SYS_TIME CAP_WAKE_ALARM CAP_MAC_ADMIN CAP_MAC_OVERRIDE",
    "KeyringMode=private",
    "[Install]",
    "WantedBy=multi-user.target",
  ]);
});

Deno.test("a unit of a user waits for nothing and asks for nothing that takes root", () => {
  const text = unit({ ...SERVICE, scope: "user", stateFolder: "/var/lib/robot" });
  assertNotMatch(text, /network-online|^User=|^StateDirectory|^Capability/m);
  assertMatch(text, /^WantedBy=default.target$/m);
});

Deno.test("systemd makes only state folders that are below /var/lib", () => {
  const cases: [string | undefined, string[]][] = [
    [undefined, []],
    ["/home/robot/.cyberwave", []],
    ["/var/lib", []],
    ["/var/lib/a b", []],
    ["/var/lib/%n", []],
    ["/var/lib/cyberwave/node-1", ["cyberwave/node-1"]],
  ];
  for (const [stateFolder, expected] of cases) {
    assertEquals(assignments(unit({ ...SERVICE, stateFolder }), "StateDirectory"), expected);
  }
});

Deno.test("words arrive as they were given, whatever is in them", () => {
  for (const word of HOSTILE) {
    const text = unit({
      ...SERVICE,
      command: ["/opt/x", word, "end"],
      environment: { A: word, B: "end" },
    });
    const lines = assignments(text, "ExecStart");
    assertEquals(lines.map(words), [["/opt/x", word, "end"]]);
    assertEquals(variables(text), { A: word, B: "end" });
  }
});

Deno.test("a folder that a unit cannot name is refused", () => {
  for (const workFolder of ["/a\nExecStart=/bin/sh", "/a\\", "/a ", "/a\r"]) {
    assertThrows(() => unit({ ...SERVICE, workFolder }), ConfigError, "cannot start a service in");
  }
  assertEquals(assignments(unit({ ...SERVICE, workFolder: "/50% a\\b" }), "WorkingDirectory"), [
    "/50%% a\\b",
  ]);
});

Deno.test("a program that a unit cannot start is refused", () => {
  for (const path of ["/it's/node", '/"/node', "/a\\b/node", "/a\nb/node"]) {
    assertThrows(() => unit({ ...SERVICE, command: [path] }), ConfigError, "cannot start the prog");
  }
});

Deno.test("systemd: where the file goes and what is run", () => {
  const system = systemdPlan(SERVICE, "/home/robot/.config");
  const user = systemdPlan({ ...SERVICE, scope: "user" }, "/home/robot/.config");
  assertEquals(system.file.path, "/etc/systemd/system/cyberwave-cloud-node.service");
  assertEquals(
    user.file.path,
    "/home/robot/.config/systemd/user/cyberwave-cloud-node.service",
  );
  const lines = (steps: typeof user.install) => steps.map(({ command }) => command.join(" "));
  assertEquals(lines(system.install), [
    "systemctl daemon-reload",
    "systemctl enable cyberwave-cloud-node",
    "systemctl restart --no-block cyberwave-cloud-node",
  ]);
  assertEquals(lines(user.install), [
    "systemctl --user daemon-reload",
    "systemctl --user enable cyberwave-cloud-node",
    "loginctl enable-linger",
    "systemctl --user restart --no-block cyberwave-cloud-node",
  ]);
  assertEquals(lines(system.uninstall), ["systemctl disable --now cyberwave-cloud-node"]);
  assertEquals(
    user.follow.join(" "),
    "journalctl --user-unit cyberwave-cloud-node --lines 200 --follow",
  );
});

for (const scope of ["system", "user"] as const) {
  test(`systemd finds nothing wrong with a unit of the ${scope}, whatever paths are in it`, async () => {
    const root = await Deno.makeTempDir({ prefix: "cloud_node_" });
    try {
      const names = HOSTILE.filter((name) => name !== "" && !/["'\\\n]/.test(name));
      for (const name of ["plain", ...names]) {
        const folder = `${root}/${name}`;
        await Deno.mkdir(folder, { recursive: true });
        const program = `${folder}/node`;
        await Deno.writeTextFile(program, "#!/bin/sh\n", { mode: 0o755 });
        const path = `${root}/cyberwave-cloud-node.service`;
        const text = unit({
          ...SERVICE,
          scope,
          user: "root",
          command: [program, "start", ...HOSTILE],
          workFolder: folder,
          environment: { A: name },
        });
        await Deno.writeTextFile(path, text);
        assertEquals(await verifyUnit(path, scope), "", name);
      }
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  });
}

test("systemd does find what is wrong with a unit", async () => {
  const root = await Deno.makeTempDir({ prefix: "cloud_node_" });
  try {
    const path = `${root}/cyberwave-cloud-node.service`;
    const text = unit({ ...SERVICE, user: "root", command: [`${root}/no such program`] });
    await Deno.writeTextFile(path, text.replace("KillMode=process", "KillMode=sometimes"));
    const said = await verifyUnit(path, "system");
    assertMatch(said, /refused/);
    assertMatch(said, /no such program is not executable/);
    assertMatch(said, /sometimes/);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

import { assertEquals } from "@std/assert";
import { ConfigError } from "../../src/errors.ts";
import { agentCheck } from "../../src/doctor/machine_checks.ts";
import { succeed } from "../../src/service/succession.ts";
import { unit } from "../../src/service/systemd.ts";
import {
  type AgentPlaces,
  findPythonAgent,
  isAgentService,
  type PythonAgent,
  replacesCommand,
  workloadsIn,
} from "../../src/state/python_agent.ts";

const UNIT = `[Unit]
Description=Cyberwave Cloud Node
After=network-online.target

[Service]
Type=simple
ExecStart=/usr/bin/cyberwave-cloud-node start
Restart=on-failure
SyslogIdentifier=cyberwave-cloud-node
`;
const OVERRIDE = `[Service]
ExecStart=
ExecStart=/usr/bin/cyberwave-cloud-node start --config '/srv/my robot/cyberwave.yml'
`;
const PLIST = `<plist version="1.0"><dict>
	<key>Label</key>
	<string>com.cyberwave.cloud-node</string>
</dict></plist>`;

Deno.test("the service of the Python agent is told from others by what its installer writes", () => {
  const ours = unit({
    scope: "system",
    command: ["/usr/bin/cyberwave-cloud-node", "start"],
    workFolder: "/srv",
    user: "robot",
    home: "",
    environment: {},
    secrets: {},
    stateFolder: undefined,
    stopSeconds: 20,
  });
  const table: [string, boolean][] = [
    [UNIT, true],
    [UNIT.replace("/usr/bin", "/home/robot/venv/bin"), true],
    [PLIST, true],
    [ours, false],
    [PLIST.replace("cloud-node", "cyberwave-cloud-node"), false],
    [UNIT.replaceAll("cyberwave-cloud-node", "other"), false],
    ["", false],
  ];
  for (const [text, expected] of table) assertEquals(isAgentService(text), expected, text);
});

Deno.test("a drop-in matters when it replaces the command, not when it adds to the unit", () => {
  const table: [string, boolean][] = [
    [OVERRIDE, true],
    ["[Service]\nEnvironment=A=1\n", false],
    ["[Service]\nExecStartPre=/bin/true\n", false],
    ["", false],
  ];
  for (const [text, expected] of table) assertEquals(replacesCommand(text), expected, text);
});

Deno.test("a list of workloads may be anything", () => {
  const workload = { pid: 41, workload_type: "training", request_id: "r1" };
  assertEquals(workloadsIn(JSON.stringify({ 41: workload })), [{ pid: 41, kind: "training" }]);
  for (
    const text of [
      "",
      "{}",
      "null",
      "[]",
      "1",
      "{",
      '{"1":null}',
      '{"1":{"pid":"x"}}',
      '{"1":{"pid":1}}',
    ]
  ) {
    assertEquals(workloadsIn(text), [], text);
  }
});

/** A computer on which the Python agent left these files. */
async function computer(files: Partial<Record<"unit" | "override" | "workloads", string>>) {
  const folder = await Deno.makeTempDir({ prefix: "cloud_node_" });
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
  const places: AgentPlaces = {
    definitions: [`${folder}/unit`, `${folder}/plist`],
    override: `${folder}/override`,
    workloads: [`${folder}/workloads`, `${folder}/none`],
  };
  return {
    folder,
    places,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

const check = async (places: AgentPlaces) =>
  await agentCheck(places).run(new AbortController().signal);

Deno.test("doctor finds the unit, the drop-in and the running workloads of the Python agent", async () => {
  await using none = await computer({});
  assertEquals(await check(none.places), {
    status: "ok",
    detail: "no Python agent is installed",
  });
  await using installed = await computer({ unit: UNIT });
  const { status, detail } = await check(installed.places);
  assertEquals([status, detail], [
    "warn",
    `"${installed.folder}/unit" was written by "cyberwave compute install"`,
  ]);
  await using overridden = await computer({ override: OVERRIDE });
  assertEquals(await check(overridden.places), {
    status: "warn",
    detail: `"${overridden.folder}/override" replaces the command of the installed service`,
    fix: 'Remove it, then run service install --config "/srv/my robot/cyberwave.yml"',
  });
});

Deno.test("workloads of the Python agent count while they run", async () => {
  const child = new Deno.Command("sleep", { args: ["300"] }).spawn();
  const workloads = JSON.stringify({ [child.pid]: { pid: child.pid, workload_type: "training" } });
  await using busy = await computer({ unit: UNIT, workloads });
  assertEquals((await findPythonAgent(busy.places)).workloads, [
    { pid: child.pid, kind: "training" },
  ]);
  assertEquals(
    (await check(busy.places)).detail,
    `the Python agent's workloads still run: process ${child.pid}`,
  );
  child.kill("SIGKILL");
  await child.status;
  assertEquals((await findPythonAgent(busy.places)).workloads, []);
});

const PATH = "/etc/systemd/system/cyberwave-cloud-node.service";
const NOTHING: PythonAgent = { definition: undefined, override: undefined, workloads: [] };
const at = (path: string) => ({ file: { path, text: "" } });
const refusal = (agent: PythonAgent, path: string): string | undefined => {
  try {
    succeed(agent, at(path));
  } catch (error) {
    if (error instanceof ConfigError) return `${error.message}: ${error.hint}`;
    throw error;
  }
};

Deno.test("a service takes the place of the Python agent's, and says so", () => {
  assertEquals(succeed(NOTHING, at(PATH)), []);
  assertEquals(succeed({ ...NOTHING, definition: PATH }, at(PATH)), [
    'Replaces the unit that "cyberwave compute install" wrote',
  ]);
  assertEquals(succeed({ ...NOTHING, definition: PATH }, at("/home/a/.config/x.service")), [
    "The Python agent is installed as well, and both would take commands: " +
    "sudo systemctl disable --now cyberwave-cloud-node",
  ]);
});

Deno.test("no service is installed that would lose work, or start the Python agent again", () => {
  const workloads = [{ pid: 41, kind: "training" }];
  assertEquals(
    refusal({ ...NOTHING, definition: PATH, workloads }, PATH),
    "The Python agent still runs training (process 41), and only it can report the end: " +
      "Try again when it has ended, or stop the agent and its work: " +
      "sudo systemctl disable --now cyberwave-cloud-node",
  );
  const override = { path: `${PATH}.d/override.conf`, configPath: "/srv/cyberwave.yml" };
  assertEquals(
    refusal({ ...NOTHING, definition: PATH, override }, PATH),
    `"${PATH}.d/override.conf" replaces the command of any unit that is installed: ` +
      `"cyberwave compute" wrote it. Remove it (sudo rm ${PATH}.d/override.conf) and install the ` +
      'service with --config "/srv/cyberwave.yml"',
  );
  assertEquals(refusal({ ...NOTHING, override }, "/home/a/.config/x.service"), undefined);
});

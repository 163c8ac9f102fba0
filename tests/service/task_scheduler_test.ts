import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../src/errors.ts";
import type { Service } from "../../src/service/service_manager.ts";
import { task, taskPlan } from "../../src/service/task_scheduler.ts";
import { parseXml, textsOf } from "../support/xml.ts";

const SERVICE: Service = {
  scope: "user",
  command: ["C:\\Program Files\\node\\node.exe", "start", "--slug", "a&b"],
  workFolder: "C:\\Users\\robot\\repo <1>",
  user: "robot",
  home: "C:\\Users\\robot",
  environment: {},
  secrets: {},
  stateFolder: undefined,
  stopSeconds: 20,
};

Deno.test("a task looks like this", () => {
  const xml = parseXml(task(SERVICE));
  assertEquals(
    [...textsOf(xml, "Command"), ...textsOf(xml, "Arguments"), ...textsOf(xml, "WorkingDirectory")],
    [
      "cmd.exe",
      `/d /s /c ""C:\\Program Files\\node\\node.exe" start --slug "a&b" >> ` +
      `C:\\Users\\robot\\.cyberwave\\cyberwave-cloud-node.log 2>&1"`,
      "C:\\Users\\robot\\repo <1>",
    ],
  );
  assertEquals(textsOf(xml, "ExecutionTimeLimit"), ["PT0S"]);
  assertEquals([...textsOf(xml, "UserId"), ...textsOf(xml, "LogonType")], [
    "robot",
    "InteractiveToken",
  ]);
});

Deno.test("a task of the system begins with the computer", () => {
  const [name] = /<(\w+Trigger)>/.exec(task({ ...SERVICE, scope: "system" }))!.slice(1);
  assertEquals(name, "BootTrigger");
  assertEquals(/<(\w+Trigger)>/.exec(task(SERVICE))![1], "LogonTrigger");
});

Deno.test("words reach the program as they were given, or are refused", () => {
  const cases: [string, string][] = [
    ["a b", `"a b"`],
    ["ends in\\", `"ends in\\\\"`],
    ["C:\\x\\", `C:\\x\\`],
    ["a^b|c", `"a^b|c"`],
    ["", `""`],
  ];
  for (const [word, quoted] of cases) {
    const [line] = textsOf(
      parseXml(task({ ...SERVICE, command: ["n", word, "end"] })),
      "Arguments",
    );
    assertEquals(line!.split(" >> ")[0], `/d /s /c "n ${quoted} end`);
  }
  for (const word of ["%PATH%", 'a"b', "a\nb"]) {
    const command = ["n", word] as const;
    assertThrows(() => task({ ...SERVICE, command }), ConfigError, "Windows cannot start a task");
  }
});

Deno.test("Task Scheduler: where the file goes and what is run", () => {
  const plan = taskPlan(SERVICE);
  const path = "C:\\Users\\robot\\.cyberwave\\cyberwave-cloud-node.xml";
  assertEquals([plan.file.path, plan.encoding], [path, "utf-16le"]);
  assertEquals(plan.install.map(({ command }) => command.join(" ")), [
    "schtasks /End /TN cyberwave-cloud-node",
    `schtasks /Create /F /TN cyberwave-cloud-node /XML ${path}`,
    "schtasks /Run /TN cyberwave-cloud-node",
  ]);
  assertEquals(
    plan.uninstall.at(-1)!.command.join(" "),
    "schtasks /Delete /F /TN cyberwave-cloud-node",
  );
});

Deno.test("a task sets its variables itself, and has the secret ones in a file", () => {
  const { file, secretFile } = taskPlan({
    ...SERVICE,
    command: ["C:\\deno.exe", "run", "-A", "main.ts"],
    environment: { PATH: "C:\\x", DENO_DIR: "D:\\deno dir\\", NO_PROXY: "a&b" },
    secrets: { HTTPS_PROXY: "http://u:p@proxy" },
  });
  const [line] = textsOf(parseXml(file.text), "Arguments");
  const path = "C:\\Users\\robot\\.cyberwave\\cyberwave-cloud-node.env";
  assertEquals(
    line!.split(" >> ")[0],
    `/d /s /c "set "DENO_DIR=D:\\deno dir\\"&& set "NO_PROXY=a&b"&& ` +
      `C:\\deno.exe run --env-file=${path} -A main.ts`,
  );
  assertEquals(secretFile.path, path);
  const environment = { NO_PROXY: "%PATH%" };
  assertThrows(() => task({ ...SERVICE, environment }), ConfigError, "Windows cannot start a task");
});

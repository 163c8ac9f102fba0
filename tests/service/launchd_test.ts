import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../src/errors.ts";
import { launchdPlan, plist } from "../../src/service/launchd.ts";
import type { Service } from "../../src/service/service_manager.ts";
import { parseXml, textsOf } from "../support/xml.ts";

const SERVICE: Service = {
  scope: "user",
  command: ["/usr/local/bin/cyberwave-cloud-node", "start"],
  workFolder: "/Users/robot/repo",
  user: undefined,
  home: "/Users/robot",
  environment: { PATH: "/opt/homebrew/bin:/usr/bin" },
  secrets: {},
  stateFolder: undefined,
  stopSeconds: 20,
};

const LOG = "/Users/robot/Library/Logs/cyberwave-cloud-node.log";

/** A dictionary of a property list as an object. */
function dictionary(list: string): Record<string, unknown> {
  const [, content] = parseXml(list);
  const [[, entries]] = content as [[string, (readonly [string, unknown])[]]];
  return Object.fromEntries(
    entries.flatMap(([name, value], index) => name === "key" ? [[value, entries[index + 1]]] : []),
  );
}

Deno.test("a property list looks like this", () => {
  assertEquals(dictionary(plist(SERVICE)), {
    Label: ["string", "com.cyberwave.cyberwave-cloud-node"],
    ProgramArguments: ["array", [
      ["string", "/usr/local/bin/cyberwave-cloud-node"],
      ["string", "start"],
    ]],
    WorkingDirectory: ["string", "/Users/robot/repo"],
    EnvironmentVariables: ["dict", [
      ["key", "PATH"],
      ["string", "/opt/homebrew/bin:/usr/bin"],
    ]],
    RunAtLoad: ["true", ""],
    KeepAlive: ["dict", [["key", "SuccessfulExit"], ["false", ""]]],
    ThrottleInterval: ["integer", "30"],
    ExitTimeOut: ["integer", "20"],
    AbandonProcessGroup: ["true", ""],
    SoftResourceLimits: ["dict", [["key", "NumberOfFiles"], ["integer", "65536"]]],
    StandardOutPath: ["string", LOG],
    StandardErrorPath: ["string", LOG],
  });
});

Deno.test("a daemon of the system names its user", () => {
  const list = plist({ ...SERVICE, scope: "system", user: "robot" });
  assertEquals(dictionary(list).UserName, ["string", "robot"]);
});

Deno.test("words are in a property list as they were given, whatever is in them", () => {
  const hostile = ["a b", "</string><key>X</key>", "&amp;", `it's "quoted"`, "$HOME %n", "ünï ☃"];
  const list = plist({ ...SERVICE, command: ["/bin/x", ...hostile], workFolder: hostile[1]! });
  assertEquals(textsOf(parseXml(list), "string").slice(2, 3 + hostile.length), [
    ...hostile,
    hostile[1],
  ]);
});

Deno.test("what XML cannot say is refused", () => {
  for (const workFolder of ["/a\0", "/a\x1b", "/a\n", "/a\ufffe", "/a\ud800"]) {
    assertThrows(() => plist({ ...SERVICE, workFolder }), ConfigError, "Cannot describe a service");
  }
});

Deno.test("launchd: where the file goes and what is run", () => {
  const user = launchdPlan(SERVICE, 501);
  const system = launchdPlan({ ...SERVICE, scope: "system", user: "robot" }, 0);
  const file = "com.cyberwave.cyberwave-cloud-node.plist";
  assertEquals(user.file.path, `/Users/robot/Library/LaunchAgents/${file}`);
  assertEquals(system.file.path, `/Library/LaunchDaemons/${file}`);
  const lines = (steps: typeof user.install) => steps.map(({ command }) => command.join(" "));
  assertEquals(lines(user.install), [
    "launchctl bootout gui/501/com.cyberwave.cyberwave-cloud-node",
    `launchctl bootstrap gui/501 ${user.file.path}`,
  ]);
  assertEquals(lines(system.uninstall), [
    "launchctl bootout system/com.cyberwave.cyberwave-cloud-node",
  ]);
  assertEquals(user.follow.join(" "), `tail -n 200 -F ${LOG}`);
});

if (Deno.build.os === "darwin") {
  Deno.test("macOS finds nothing wrong with a property list", async () => {
    const path = await Deno.makeTempFile({ suffix: ".plist" });
    await Deno.writeTextFile(path, plist(SERVICE));
    const { success } = await new Deno.Command("plutil", { args: ["-lint", path] }).output();
    await Deno.remove(path);
    assertEquals(success, true);
  });
}

Deno.test("secret variables are in a file that Deno reads, and its user may", () => {
  const service: Service = {
    ...SERVICE,
    scope: "system",
    user: "robot",
    command: ["/opt/deno", "run", "-A", "main.ts", "start"],
    secrets: { HTTPS_PROXY: "http://a:it's@proxy" },
  };
  const { file, secretFile, install } = launchdPlan(service, 0);
  const path = "/Users/robot/.cyberwave/cyberwave-cloud-node.env";
  assertEquals(secretFile.path, path);
  assertEquals(secretFile.text?.split("\n")[1], "HTTPS_PROXY='http://a:it%27s@proxy'");
  assertEquals(textsOf(parseXml(file.text), "string").slice(1, 4), [
    "/opt/deno",
    "run",
    `--env-file=${path}`,
  ]);
  assertEquals(install[0]!.command, ["chown", "robot", path]);
  assertEquals(launchdPlan(SERVICE, 0).secretFile.text, undefined);
});

import { assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import manifest from "../../deno.json" with { type: "json" };
import { EXIT_CODES } from "../../src/cli/exit_codes.ts";
import { commandHelp, programHelp } from "../../src/cli/help.ts";
import { COMMANDS } from "../../src/cli/subcommands.ts";
import { SETTINGS } from "../../src/config/settings/settings.ts";
import { BINARY, commandOf } from "../support/command.ts";
import { Program } from "../support/program.ts";

Deno.test("--help shows the commands and the exit codes, --version the version", async () => {
  const help = await Program.run(["--help"]);
  assertEquals([help.code, help.stdout], [0, `${programHelp(COMMANDS)}\n`]);
  for (const { name } of COMMANDS) assertStringIncludes(help.stdout, `\n  ${name} `);
  for (const [code, meaning] of EXIT_CODES) {
    assertMatch(help.stdout, new RegExp(`^  ${code} +${meaning.split("(")[0]}`, "m"));
  }
  const version = (await Program.run(["--version"])).stdout;
  assertMatch(
    version,
    /^cyberwave-cloud-node \S+\ndeno \d+\.\d+\.\d+\nv8 \S+\ntarget \w+-\w+-\S+\n$/,
  );
  assertStringIncludes(version, `cyberwave-cloud-node ${manifest.version}\n`);
  assertEquals((await Program.run(["-V"])).stdout, version);
});

Deno.test("without a command it shows the commands on standard error and exits with 2", async () => {
  const { code, stdout, stderr } = await Program.run([]);
  assertEquals([code, stdout], [2, ""]);
  assertMatch(stderr, /^Usage: cyberwave-cloud-node <command> \[flags\]\n\nCommands:\n {2}start /);
});

Deno.test("every command has its help", async () => {
  await Promise.all(COMMANDS.map(async (command) => {
    const { code, stdout } = await Program.run([command.name, "--help"]);
    assertEquals([code, stdout], [0, `${commandHelp(command)}\n`]);
  }));
});

Deno.test("start takes the flag of every setting that has one", () => {
  const help = commandHelp(COMMANDS.find(({ name }) => name === "start")!);
  for (const { flag } of SETTINGS) if (flag) assertStringIncludes(help, `  --${flag.name} `);
});

Deno.test("what nobody knows is refused with the nearest that somebody knows", async () => {
  const table: [string[], string][] = [
    [["strat"], 'There is no command "strat", did you mean start?'],
    [["quux"], 'There is no command "quux"'],
    [["-v"], 'There is no command before "-v"'],
    [["--slug", "a"], 'There is no command before "--slug"'],
    [["--slug", "start"], 'There is no command before "--slug"'],
    [["-v", "strat"], 'There is no command "strat", did you mean start?'],
    [["start", "--mqtt-prot", "1"], 'There is no flag "--mqtt-prot" for "start", did you mean'],
    [["start", "--once", "here"], '"start" takes no argument "here"'],
    [["start", "--slug"], "--slug needs a value"],
    [["start", "--slug="], "--slug needs a value"],
    [["start", "--once", "--drain"], "--once waits for a command and --drain accepts none"],
    [["start", "--exit-when-idle", "abc"], "--exit-when-idle must be a positive number of seconds"],
    [["start", "--idle-timeout", "60"], "--idle-timeout limits how long --once waits"],
    [
      ["start", "--once", "--idle-timeout", "60", "--exit-when-idle", "9"],
      "Give --idle-timeout or --exit-when-idle, not both",
    ],
    [["service"], '"service" needs <action>'],
  ];
  await Promise.all(table.map(async ([args, message]) => {
    const { code, stderr } = await Program.run(args);
    assertEquals(code, 2);
    assertStringIncludes(stderr, `error: ${message}`);
  }));
});

Deno.test("a stack trace is shown with -v only", async () => {
  const args = ["start", "--mqtt-port", "abc"];
  assertEquals((await Program.run(args)).stderr.includes("    at "), false);
  assertEquals((await Program.run([...args, "-v"])).stderr.includes("    at "), true);
});

Deno.test("that nobody reads the output is no failure", async () => {
  const script = 'exec "$0" "$@" | true; echo "${PIPESTATUS[0]}"';
  const { stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", script, ...commandOf(["-P"]), "--help"],
  }).output();
  const text = new TextDecoder();
  assertEquals([text.decode(stdout), text.decode(stderr)], ["0\n", ""]);
});

Deno.test("as with the Python agent, flags may stand before start, and --config PATH starts", async () => {
  const table = [
    ["-v", "start", "--config", "missing.yml"],
    ["--slug", "validate", "start", "--config", "missing.yml"],
    ["--config", "missing.yml"],
    ["-v", "--config=missing.yml", "--mqtt-port", "1883"],
  ];
  await Promise.all(table.map(async (args) => {
    const { code, stderr } = await Program.run(args);
    assertEquals(code, 2);
    assertStringIncludes(stderr, 'error: Cannot read "missing.yml": there is no such file');
  }));
});

Deno.test({
  name: "a module that cannot be loaded is no bug: what is to be done is said",
  // A binary has all of them.
  ignore: BINARY !== undefined,
  async fn() {
    const empty = await Deno.makeTempDir();
    const [program, run, ...args] = commandOf(["-A", "--cached-only"]);
    const { code, stderr } = await new Deno.Command(program, {
      args: [run!, ...args, "start"],
      env: { DENO_DIR: empty },
    }).output();
    await Deno.remove(empty, { recursive: true });
    const text = new TextDecoder().decode(stderr);
    assertEquals(code, 1);
    assertMatch(text, /^error: [^]*--cached-only is specified/);
    assertMatch(
      text,
      /^hint: A part of this program is not on this computer.*: deno cache file:.*main\.ts/m,
    );
    assertNotMatch(text, /bug/);
  },
});

Deno.test("help and version are commands as well", async () => {
  const [help, start, version, unknown] = await Promise.all([
    Program.run(["help"]),
    Program.run(["help", "start"]),
    Program.run(["version"]),
    Program.run(["help", "strat"]),
  ]);
  assertEquals([help.code, help.stdout], [0, (await Program.run(["--help"])).stdout]);
  assertEquals(start.stdout, (await Program.run(["start", "--help"])).stdout);
  assertEquals(version.stdout, (await Program.run(["--version"])).stdout);
  assertEquals(unknown.code, 2);
  assertStringIncludes(unknown.stderr, 'There is no command "strat", did you mean start?');
});

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { completableCommands } from "../../src/cli/completion/completion_words.ts";
import { bashCompletion } from "../../src/cli/completion/completion_bash.ts";
import { fishCompletion } from "../../src/cli/completion/completion_fish.ts";
import { COMMANDS } from "../../src/cli/subcommands.ts";
import { zshCompletion } from "../../src/cli/completion/completion_zsh.ts";
import { Program } from "../support/program.ts";

const WORDS = completableCommands(COMMANDS);

/** What a shell that is installed here prints for a script; `undefined` where it is not. */
async function shell(name: string, ...args: string[]): Promise<string[] | undefined> {
  try {
    const { stdout, stderr } = await new Deno.Command(name, { args }).output();
    const text = new TextDecoder();
    assertEquals(text.decode(stderr), "");
    return text.decode(stdout).split("\n").filter((line) => line !== "");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.warn(`${name} is not installed: what is printed for it was not run`);
  }
}

/** How bash completes the last of these words. */
async function bash(words: readonly string[], cwd = "."): Promise<string[]> {
  const script = `cd "$1" && shift
${bashCompletion(WORDS)}
COMP_WORDS=(cyberwave-cloud-node "$@") COMP_CWORD=$#
_cyberwave_cloud_node
printf '%s\\n' "\${COMPREPLY[@]}"`;
  return (await shell("bash", "--norc", "-c", script, "bash", cwd, ...words))!;
}

Deno.test("bash completes commands, flags, and the values of flags", async () => {
  const table: [string[], string[]][] = [
    [["va"], ["validate"]],
    [["--"], ["--help", "--version"]],
    [["start", "--mqtt-"], ["--mqtt-host", "--mqtt-port"]],
    [["start", "--on"], ["--once"]],
    [["start", "-"], [...flagsOf("start"), "-v", "-h"]],
    [["start", "--log-format", ""], ["text", "json"]],
    [["start", "--log-format", "=", "j"], ["json"]],
    [["start", "--log-format", "="], ["text", "json"]],
    [["start", "--slug", ""], []],
    [["start", "--once", "--dr"], ["--drain"]],
    [["run", "tr"], ["training"]],
    [["completion", ""], ["bash", "zsh", "fish", "--verbose", "-v", "--help", "-h"]],
    [["quux", ""], []],
  ];
  for (const [words, expected] of table) {
    assertEquals((await bash(words)).sort(), expected.sort(), words.join(" "));
  }
});

function flagsOf(name: string): string[] {
  return WORDS.find((command) => command.name === name)!.flags.map(({ name }) => `--${name}`);
}

Deno.test("bash completes paths, with spaces in them too", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/my config.yml`, "");
  await Deno.writeTextFile(`${folder}/other.yml`, "");
  assertEquals(await bash(["start", "--config", "my"], folder), ["my config.yml"]);
  assertEquals((await bash(["init", "--dir", ""], folder)).length, 2);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("zsh takes its script, and knows what completes the program", async () => {
  const script = `autoload -U compinit && compinit -u -D
${zshCompletion(WORDS)}
whence -w _cyberwave_cloud_node; print $_comps[cyberwave-cloud-node]`;
  const printed = await shell("zsh", "-f", "-c", script) ??
    ["_cyberwave_cloud_node: function", "_cyberwave_cloud_node"];
  assertEquals(printed, ["_cyberwave_cloud_node: function", "_cyberwave_cloud_node"]);
});

Deno.test("fish completes with its script", async () => {
  const file = await Deno.makeTempFile({ suffix: ".fish" });
  await Deno.writeTextFile(file, fishCompletion(WORDS));
  const table: [string, string[]][] = [
    ["va", ["validate"]],
    ["start --log-format=j", ["--log-format=json"]],
    ["run tr", ["training"]],
    ["start --mqtt-", ["--mqtt-host", "--mqtt-port"]],
  ];
  for (const [line, expected] of table) {
    const script = `source ${file}; complete -C 'cyberwave-cloud-node ${line}'`;
    const printed = await shell("fish", "--no-config", "-c", script);
    if (printed === undefined) break;
    assertEquals(printed.map((found) => found.split("\t")[0]!).sort(), expected, line);
  }
  await Deno.remove(file);
});

Deno.test("no text of the help ends the quotes of a script", () => {
  const [command] = completableCommands([{
    ...COMMANDS[0]!,
    summary: "it's $(touch /x) `y` [z]",
    flags: [{ name: "it", help: "it's $(touch /x) \\ [z]" }],
    settings: [],
  }]);
  assertStringIncludes(zshCompletion([command!]), String.raw`'start:it'\''s $(touch /x) `);
  assertStringIncludes(zshCompletion([command!]), String.raw`'--it[it'\''s $(touch /x) \\ \[z\]]'`);
  assertStringIncludes(fishCompletion([command!]), String.raw`-d 'it\'s $(touch /x) \\ [z]'`);
});

Deno.test("completion prints the script of a shell, and knows which there are", async () => {
  const { code, stdout } = await Program.run(["completion", "bash"]);
  assertEquals([code, stdout], [0, `${bashCompletion(WORDS)}\n`]);
  const other = await Program.run(["completion", "csh"]);
  assertEquals(other.code, 2);
  assertMatch(other.stderr, /no completion for the shell "csh"\nhint: Choose one of bash, zsh/);
});

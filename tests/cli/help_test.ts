/**
 * What --help shows, as files to be read: tests/cli/snapshots. After a change that is meant, write
 * them anew with `UPDATE_SNAPSHOTS=1 deno test -A tests/cli/help_test.ts` and read the difference.
 */
import { assertEquals } from "@std/assert";
import { commandHelp, programHelp, VERSION } from "../../src/cli/help.ts";
import { COMMANDS } from "../../src/cli/subcommands.ts";

const FOLDER = new URL("snapshots/", import.meta.url);
const UPDATE = Deno.env.get("UPDATE_SNAPSHOTS") === "1";

const HELP: ReadonlyMap<string, string> = new Map([
  ["program", programHelp(COMMANDS).replace(VERSION, "VERSION")],
  ...COMMANDS.map((command) => [command.name, commandHelp(command)] as const),
]);

for (const [name, help] of HELP) {
  Deno.test(`the help of ${name} is as it was last read by somebody`, async () => {
    const file = new URL(`${name}.txt`, FOLDER);
    if (UPDATE) await Deno.writeTextFile(file, `${help}\n`);
    assertEquals(`${help}\n`, (await Deno.readTextFile(file)).replaceAll("\r\n", "\n"));
  });
}

Deno.test("no snapshot is left of a command that is gone", () => {
  const files = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).sort();
  assertEquals(files, [...HELP.keys()].map((name) => `${name}.txt`).sort());
});

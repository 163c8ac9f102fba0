import { assertStringIncludes } from "@std/assert";
import { COMMANDS } from "../src/cli/subcommands.ts";
import { EXIT_CODES } from "../src/cli/exit_codes.ts";
import { settingsMarkdown } from "../src/config/settings_help.ts";

const README = await Deno.readTextFile(new URL("../README.md", import.meta.url));

Deno.test("the README has the table of settings as the program has it", () => {
  assertStringIncludes(README, settingsMarkdown().trim());
});

Deno.test("the README tells of every command and every exit code", () => {
  for (const { name } of COMMANDS) assertStringIncludes(README, `| \`${name}`);
  for (const [code] of EXIT_CODES) assertStringIncludes(README, `| ${code} `);
});

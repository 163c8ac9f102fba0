import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { COMMANDS } from "../src/cli/subcommands.ts";
import { EXIT_CODES } from "../src/cli/exit_codes.ts";
import { settingsMarkdown } from "../src/config/settings/settings_help.ts";
import { anchorsOf, linksOf, tableRows } from "./support/markdown.ts";

const ROOT = new URL("../", import.meta.url);
const DOCS = new URL(".github/docs/", ROOT);
const README = await Deno.readTextFile(new URL("README.md", ROOT));
const PAGES = new Map(
  await Promise.all(
    Array.from(
      Deno.readDirSync(DOCS),
      async ({ name }) => [name, await Deno.readTextFile(new URL(name, DOCS))] as const,
    ),
  ),
);

Deno.test("the page on configuration has the table of settings as the program has it", () => {
  assertStringIncludes(PAGES.get("configuration.md")!, settingsMarkdown().trim());
});

Deno.test("the settings that the README shows are rows of that table", () => {
  const all = tableRows(settingsMarkdown());
  const shown = tableRows(README.match(/^## Configuration$[^]*?(?=^## )/m)![0]);
  assert(shown.length > 5);
  assertEquals(shown.filter((row) => !all.includes(row)), []);
});

Deno.test("the README tells of every command and every exit code", () => {
  for (const { name } of COMMANDS) assertStringIncludes(README, `| \`${name}`);
  for (const [code] of EXIT_CODES) assertStringIncludes(README, `| ${code} `);
});

Deno.test("the README is short, and leads to every page", () => {
  assert(README.split("\n").length <= 251, "the README has more than 250 lines");
  for (const name of PAGES.keys()) assertStringIncludes(README, `](.github/docs/${name})`);
});

Deno.test("every page begins with its title and what it is about", () => {
  for (const [name, text] of PAGES) {
    assertMatch(text, /^# .+\n\n[A-Z].{40,}\n/, name);
    const introduction = text.split("\n\n")[1].replaceAll("\n", " ");
    assertStringIncludes(introduction, "Part of the documentation of [Cyberwave Cloud Node]", name);
  }
});

Deno.test("every link leads to a file, and to a heading in it", async () => {
  const files = [
    "README.md",
    ".github/ARCHITECTURE.md",
    ".github/CHANGELOG.md",
    ".github/CONTRIBUTING.md",
    ...Array.from(PAGES.keys(), (name) => `.github/docs/${name}`),
  ];
  const broken: string[] = [];
  for (const file of files) {
    for (const link of linksOf(await Deno.readTextFile(new URL(file, ROOT)))) {
      if (/^https?:/.test(link)) continue;
      const target = new URL(link, new URL(file, ROOT));
      const anchor = target.hash.slice(1);
      target.hash = "";
      const text = await Deno.readTextFile(target).catch(() => undefined);
      if (text === undefined || anchor !== "" && !anchorsOf(text).includes(anchor)) {
        broken.push(`${file}: ${link}`);
      }
    }
  }
  assertEquals(broken, []);
});

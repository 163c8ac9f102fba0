/**
 * Writes the files of the page (`page/`) into `src/http/page.json`, of which the program serves them:
 * a JSON module is the one form of data that is there in the same way from a folder, from JSR and in a
 * compiled program. Changes no byte of them, but for where one library imports another.
 */
const FOLDER = new URL("../page/", import.meta.url);
const TARGET = new URL("../src/http/page.json", import.meta.url);

/** The files by the names under which they are served. */
export function pageFiles(): Record<string, string> {
  const read = (name: string) => Deno.readTextFileSync(new URL(name, FOLDER));
  const names = (folder: string) =>
    [...Deno.readDirSync(new URL(folder, FOLDER))]
      .filter(({ isFile }) => isFile).map(({ name }) => name).sort();
  const own = names(".").map((name) => [name, read(name)]);
  const libraries = names("vendor").filter((name) => /\.(js|css)$/.test(name))
    .map((name) => [name, asServed(read(`vendor/${name}`))]);
  const licences = names("vendor").filter((name) => name.startsWith("LICENSE."))
    .map((name) => `${name.slice("LICENSE.".length)}\n\n${read(`vendor/${name}`)}`);
  return Object.fromEntries([...own, ...libraries, ["licences.txt", licences.join("\n\n")]]);
}

/** Browsers find no package by its name, and no map of the source is served. */
function asServed(text: string): string {
  return text.replace('from"preact"', 'from"./preact.js"').replace(
    /^\/\/# sourceMappingURL=.*$/m,
    "",
  );
}

/** The text of `src/http/page.json`. */
export function pageJson(): string {
  return `${JSON.stringify(pageFiles(), undefined, 2)}\n`;
}

if (import.meta.main) Deno.writeTextFileSync(TARGET, pageJson());

/**
 * Writes the files of the page (`src/page/`), as they are, into `src/http/page.json`, of which the program
 * serves them: a JSON module is the one form of data that is there in the same way from a folder, from
 * JSR and in a compiled program.
 */
const FOLDER = new URL("../src/page/", import.meta.url);
const TARGET = new URL("../src/http/page.json", import.meta.url);

/** The files by their paths. */
export function pageFiles(): Record<string, string> {
  const paths = ["", "vendor/"].flatMap((folder) =>
    [...Deno.readDirSync(new URL(folder, FOLDER))]
      .filter(({ isFile }) => isFile).map(({ name }) => `${folder}${name}`).sort()
  );
  return Object.fromEntries(
    paths.map((path) => [path, Deno.readTextFileSync(new URL(path, FOLDER))]),
  );
}

/** The text of `src/http/page.json`. */
export function pageJson(): string {
  return `${JSON.stringify(pageFiles(), undefined, 2)}\n`;
}

if (import.meta.main) Deno.writeTextFileSync(TARGET, pageJson());

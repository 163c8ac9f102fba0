/** Files that workloads write. */

/** Resolves when `path` exists and has a whole line in it, with its text. */
export async function fileWritten(path: string): Promise<string> {
  const folder = path.slice(0, path.lastIndexOf("/"));
  const watcher = Deno.watchFs(folder);
  const read = () => {
    try {
      return Deno.readTextFileSync(path);
    } catch {
      return "";
    }
  };
  if (read().includes("\n")) {
    watcher.close();
    return read();
  }
  for await (const _ of watcher) if (read().includes("\n")) return read();
  throw new Error(`${path} was never written`);
}

/**
 * Waits in a template for a word from a pipe. Who opens it while the writer of an earlier word has not
 * closed it yet gets none, and waits again.
 */
export function wordFrom(pipe: string): string {
  return `while [ -p ${pipe} ] && ! read -r word <${pipe}; do :; done`;
}

/** The files in a folder and the folders in it. */
export function* filesIn(folder: string): Generator<string> {
  for (const { name, isDirectory, isFile } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* filesIn(`${folder}/${name}`);
    else if (isFile) yield `${folder}/${name}`;
  }
}

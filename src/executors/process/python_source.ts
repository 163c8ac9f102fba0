/**
 * How Python is started.
 *
 * @module
 */
import { dirname } from "node:path";

/** Shell source that becomes Python with these arguments. The install script may have made `.venv`. */
export function pythonSource(module: string, python: string | undefined, args: string): string {
  if (python !== undefined) return `exec ${pathWord(python)} ${args}`;
  const folders = new Set([dirname(module), "."]);
  const pythons = [...folders].flatMap((folder) =>
    ["bin/python", "Scripts/python.exe"].map((name) => shellWord(`${folder}/.venv/${name}`))
  );
  return [
    `for python in ${pythons.join(" ")}; do [ ! -x "$python" ] || exec "$python" ${args}; done`,
    `if command -v python3 >/dev/null; then exec python3 ${args}; else exec python ${args}; fi`,
  ].join("\n");
}

/** A path as a word of which the shell expands `~` alone. */
function pathWord(path: string): string {
  return path.startsWith("~/") ? `~/${shellWord(path.slice(2))}` : shellWord(path);
}

/** A text as one word of a shell. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * Names of result files that came from two folders.
 *
 * @module
 */
import { extname } from "node:path";

/** Files, of which the later ones of equal name get another one: `a.txt`, `a-2.txt`. */
export function distinctNames<T extends { readonly name: string }>(files: readonly T[]): T[] {
  const taken = new Set<string>();
  return files.map((file) => {
    const extension = extname(file.name);
    const stem = file.name.slice(0, file.name.length - extension.length);
    let name = file.name;
    for (let number = 2; taken.has(name); number++) name = `${stem}-${number}${extension}`;
    taken.add(name);
    return name === file.name ? file : { ...file, name };
  });
}

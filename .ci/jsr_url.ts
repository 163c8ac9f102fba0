/**
 * Prints the JSR registry that this machine can use, for `JSR_URL=$(...)` in a task.
 *
 * That is `jsr.io` where it answers. Elsewhere it is `.ci/npm_only/`, a registry laid out as
 * files whose packages re-export the same code from the npm registry. `--copy` prints a copy of it
 * outside the repository, which `deno publish` needs. A JSR_URL that is already set is kept.
 */
import { cpSync } from "node:fs";
import { pathToFileURL } from "node:url";

console.log(Deno.env.get("JSR_URL") ?? await answers("https://jsr.io/") ?? npmOnly());

async function answers(registry: string): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(2_000);
    const response = await fetch(new URL("@std/yaml/meta.json", registry), { signal });
    await response.body?.cancel();
    if (response.ok) return registry;
  } catch {
    // No name, no route, no answer in time: all mean the same here.
  }
}

function npmOnly(): string {
  console.error("jsr.io does not answer: using .ci/npm_only/ in its place");
  const files = new URL("./npm_only/", import.meta.url);
  if (!Deno.args.includes("--copy")) return files.href;
  const copy = Deno.makeTempDirSync({ prefix: "npm_only_" });
  cpSync(files, copy, { recursive: true });
  return `${pathToFileURL(copy).href}/`;
}

/** How tests start the program: as CLOUD_NODE_BIN, or from its source. */
import { fileURLToPath } from "node:url";

const ROOT = new URL("../../", import.meta.url);
/** A build of the program, to test in place of the source. */
export const BINARY: string | undefined = Deno.env.get("CLOUD_NODE_BIN");

/** The words that start the program; `permissions` are those of its source, a binary has its own. */
export function commandOf(permissions: readonly string[]): [string, ...string[]] {
  if (BINARY !== undefined) return [BINARY];
  const file = (name: string) => fileURLToPath(new URL(name, ROOT));
  const flags = ["--quiet", "--no-prompt", `--config=${file("deno.json")}`, ...permissions];
  return [Deno.execPath(), "run", ...flags, file("main.ts")];
}

/** Where Deno keeps its packages: a program whose HOME is another would look for them there. */
export const DENO_DIR: string = JSON.parse(new TextDecoder().decode(
  new Deno.Command(Deno.execPath(), { args: ["info", "--json"], stderr: "null" }).outputSync()
    .stdout,
)).denoDir;

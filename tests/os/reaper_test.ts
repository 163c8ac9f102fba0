import { assert, assertEquals } from "@std/assert";
import { NO_REAPER } from "../../src/os/reaper.ts";

const UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc"];

/** Whether this machine lets a test have a process 1 of its own. */
function canBeFirst(): boolean {
  try {
    const [command, ...args] = [...UNSHARE, "true"];
    return new Deno.Command(command!, { args, stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

const PROGRAM = `
import { inspectHost } from ${
  JSON.stringify(new URL("../../src/os/processes.ts", import.meta.url).href)
};
import { replaceByReaper } from ${
  JSON.stringify(new URL("../../src/os/reaper.ts", import.meta.url).href)
};
console.log(Deno.args.join("|"), Deno.pid === 1, Deno.pid === 1 ? replaceByReaper(Deno.args) : "");
// Each leaves a process behind that loses its parent, writes to this pipe, and ends.
const script = 'for i in 1 2 3; do (true &) ; done; exec sleep 0.2';
await new Deno.Command("sh", { args: ["-c", script] }).output();
const states = new Deno.Command("sh", { args: ["-c", "grep -h ^State /proc/[0-9]*/status"] });
console.log(new TextDecoder().decode((await states.output()).stdout).match(/zombie/g)?.length ?? 0);
Deno.addSignalListener("SIGTERM", () => Deno.exit(5));
const held = Object.keys(Deno.env.toObject()).filter((name) => name.startsWith("CLOUD_NODE_OPEN"));
console.log((await inspectHost()).openFiles, held.join());
console.log("ready");
await new Promise((resolve) => setTimeout(resolve, 60_000));
`;

/**
 * Runs the program as process 1 until it is ready, ends it, and returns what it printed. `before` is
 * what a shell does in that process before it becomes the program.
 */
async function runFirst(
  before: string,
  ...permissions: string[]
): Promise<{ lines: string[]; code: number }> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, PROGRAM);
  const program = [Deno.execPath(), "run", "-q", ...permissions, file, "a", "b c"];
  const words = [...UNSHARE, "sh", "-c", `${before}; exec "$@"`, "sh", ...program];
  const child = new Deno.Command(words[0]!, { args: words.slice(1), stdout: "piped" }).spawn();
  let text = "";
  for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (!text.includes("ready")) continue;
    // unshare passes no signal on: what it has started gets it.
    const script = 'kill -s TERM $(cat /proc/"$1"/task/"$1"/children)';
    await new Deno.Command("sh", { args: ["-c", script, "sh", String(child.pid)] }).output();
  }
  const { code } = await child.status;
  await Deno.remove(file);
  return { lines: text.trim().split("\n"), code };
}

Deno.test({
  name: "a node that is process 1 starts again under a shell that reaps, and ends as before",
  // Not permitted in most containers.
  ignore: Deno.build.os !== "linux" || !canBeFirst(),
  async fn() {
    const { lines: [words, zombies, , ready], code } = await runFirst(":", "-A");
    assertEquals([words, zombies, ready, code], ["a|b c false ", "0", "ready", 5]);
  },
});

Deno.test({
  name: "jobs of a container get its soft limit of open files, not what Deno has made of it",
  ignore: Deno.build.os !== "linux" || !canBeFirst(),
  async fn() {
    const dockerfile = new URL("../../.github/container/Dockerfile", import.meta.url);
    const entry = /^ENTRYPOINT (.+)$/m.exec(await Deno.readTextFile(dockerfile))![1]!;
    const [before] = (JSON.parse(entry) as string[])[2]!.split("; exec ");
    const { lines } = await runFirst(`ulimit -S -n 321; ${before}`, "-A");
    assertEquals(lines[2], "321 ");
  },
});

Deno.test({
  name: "a node that is process 1 and cannot replace itself says what to do",
  ignore: Deno.build.os !== "linux" || !canBeFirst(),
  async fn() {
    const { lines } = await runFirst(":", "--allow-run", "--allow-read", "--allow-env");
    assertEquals(lines[0], `a|b c true ${NO_REAPER}`);
    assert(Number(lines[1]) > 0, "without a reaper there are zombies");
  },
});

import { assertEquals } from "@std/assert";

const PROGRAM = `
import { listenForSignals } from ${
  JSON.stringify(new URL("../../src/os/signals.ts", import.meta.url).href)
};
import { inspectHost } from ${
  JSON.stringify(new URL("../../src/os/processes.ts", import.meta.url).href)
};
using _ = listenForSignals({ stop: () => { console.log("end"); Deno.exit(7); }, drain() {} });
console.log(JSON.stringify((await inspectHost()).ignoresHangup));
const input = Deno.stdin.readable.getReader();
await input.read();
console.log("went on");
// As the program does. Deno drops listeners before the end of a process that ends by itself.
Deno.exit(0);
`;

/** Starts a program that listens, sends it SIGHUP, and what lets it go on then. */
async function hangUp(start: string[], input: string): Promise<{ printed: string; code: number }> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, PROGRAM);
  const [command, ...args] = [...start, Deno.execPath(), "run", "-A", "-q", file];
  const child = new Deno.Command(command!, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let printed = (await output.read()).value!;
  child.kill("SIGHUP");
  const writer = child.stdin.getWriter();
  if (input !== "") await writer.write(new TextEncoder().encode(input));
  for (let next = await output.read(); !next.done; next = await output.read()) {
    printed += next.value;
  }
  const { code } = await child.status;
  await writer.close().catch(() => {});
  await Deno.remove(file);
  return { printed, code };
}

Deno.test({
  name: "SIGHUP ends a node, unless it was started with that ignored",
  ignore: Deno.build.os === "windows",
  async fn() {
    assertEquals(await hangUp([], ""), { printed: "false\nend\n", code: 7 });
    assertEquals(await hangUp(["nohup"], "x"), { printed: "true\nwent on\n", code: 0 });
  },
});

/** Where the module to be tested is. */
const MODULE = JSON.stringify(new URL("../../src/os/signals.ts", import.meta.url).href);

const RELOADS = `
import { listenForSignals } from ${MODULE};
const say = (what) => () => { console.log(what); Deno.exit(0); };
using _ = listenForSignals({ stop: say("end"), drain() {}, reload: say("reload") });
console.log(Deno.pid);
await new Promise((resolve) => setTimeout(resolve, 60_000));
`;

/** What a program says that can reload, started like that, at SIGHUP. */
async function atHangup(start: (words: string[]) => string[], detached: boolean): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, RELOADS);
  const [command, ...args] = start([Deno.execPath(), "run", "-A", "-q", file]);
  const options = { args, detached, stdin: "null", stdout: "piped", stderr: "null" } as const;
  const child = new Deno.Command(command!, options).spawn();
  let pid: number | undefined;
  let printed = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    printed += text;
    if (pid !== undefined || !/^\d+\r?\n/.test(printed)) continue;
    pid = parseInt(printed);
    Deno.kill(pid, "SIGHUP");
  }
  await child.status;
  await Deno.remove(file);
  return printed.split(/\r?\n/)[1]!;
}

Deno.test({
  name: "SIGHUP asks a node that can to reload, where no terminal tells its end by that",
  ignore: Deno.build.os !== "linux",
  async fn() {
    assertEquals(await atHangup((words) => words, true), "reload");
    const quoted = (words: string[]) => words.map((word) => `'${word}'`).join(" ");
    const atTerminal = (words: string[]) => ["script", "-qec", quoted(words), "/dev/null"];
    assertEquals(await atHangup(atTerminal, true), "end");
  },
});

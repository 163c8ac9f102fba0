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

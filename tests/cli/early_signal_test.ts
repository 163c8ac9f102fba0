/**
 * Signals that come before there is a node to stop. A hook that Deno loads first sends them from
 * within the process, so that each comes at the moment that its name says.
 */
import { assertEquals, assertMatch } from "@std/assert";
import type { Call } from "../../src/dev/rest_calls.ts";
import { commandOf } from "../support/command.ts";
import { Stage } from "../support/stage.ts";

/** Moments in the start of a node, and code that calls `now()` when each comes. */
const MOMENTS: Readonly<Record<string, string>> = {
  "before the program is loaded": on("globalThis", "addEventListener"),
  "when the settings are read": on("Deno", "readFile"),
  "when the node looks at its machine": `
    const { Command } = Deno;
    Deno.Command = class extends Command {
      constructor(name, options) {
        if (options.args?.some((arg) => arg.includes("command -v bash"))) now();
        super(name, options);
      }
    };`,
  "when the node asks the backend": on("globalThis", "fetch"),
};

function on(object: string, method: string): string {
  return `
    const original = ${object}.${method};
    ${object}.${method} = function (...args) {
      now();
      return original.apply(this, args);
    };`;
}

/** Starts a node that sends itself a signal at a moment. Resolves with how it ended. */
async function startWith(
  stage: Stage,
  moment: string,
  signal: Deno.Signal,
): Promise<Deno.CommandStatus & { readonly stderr: string }> {
  const hook = `${stage.world.folder}/hook.js`;
  await Deno.writeTextFile(
    hook,
    `let sent = false;
     function now() {
       if (sent) return;
       sent = true;
       Deno.kill(Deno.pid, "${signal}");
     }
     ${MOMENTS[moment]}`,
  );
  const [program, ...args] = commandOf(["-A", `--preload=${hook}`]);
  const output = await new Deno.Command(program, {
    args: [...args, "start"],
    cwd: stage.world.folder,
    env: stage.env,
    stdin: "null",
  }).output();
  return { ...output, stderr: new TextDecoder().decode(output.stderr) };
}

for (const moment of Object.keys(MOMENTS)) {
  for (const signal of ["SIGTERM", "SIGQUIT"] as const) {
    Deno.test(`${signal} ${moment} ends the start with code 0`, async () => {
      await using stage = await Stage.set("  inference: 'true'");
      const { code, signal: by, stderr } = await startWith(stage, moment, signal);
      assertEquals({ code, by }, { code: 0, by: null }, stderr);
    });
  }
}

Deno.test("a second SIGTERM has its default effect", async () => {
  await using stage = await Stage.set("  inference: 'true'");
  await using node = await stage.startNode();
  const terminated = ({ path }: Call) => path.endsWith("/terminated");
  stage.world.backend.answerNext(terminated, () => new Promise(() => {}));
  node.signal("SIGTERM");
  await stage.world.backend.nextCall(terminated);
  assertEquals(await node.end("SIGTERM"), 128 + 15);
});

Deno.test("a node catches signals before it has said anything, and at each moment after", async () => {
  await using stage = await Stage.set("  inference: 'true'");
  await using node = stage.start(["start", "-v"]);
  await node.awaitLine(/./);
  assertMatch(await Deno.readTextFile(`/proc/${node.pid}/status`), CATCHES_SIGTERM);
  assertEquals(await node.end("SIGTERM"), 0);
});

/** The mask of the signals that a process catches, with that of SIGTERM (15): bit 14. */
const CATCHES_SIGTERM = /^SigCgt:\t[0-9a-f]{12}[4-7c-f][0-9a-f]{3}$/m;

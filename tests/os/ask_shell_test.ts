import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { reviewSyntax } from "../../src/doctor/syntax.ts";
import { askShell } from "../../src/os/ask_shell.ts";
import { HOSTS } from "../support/executors.ts";

for (const { shell } of HOSTS) {
  Deno.test(`${shell} finds what is wrong with a command, and where, without running it`, async () => {
    const ran = `${await Deno.makeTempDir()}/ran`;
    const table: [string, RegExp | undefined][] = [
      ["echo {body} | cat {body_file}", undefined],
      [`touch ${ran}`, undefined],
      ["echo a\nif true", /^line [23]: [sS]yntax error/],
      ["echo 'open", /^line 1: /],
      ["echo a; )", /^line 1: /],
    ];
    for (const [command, problem] of table) {
      const review = await reviewSyntax(command, shell);
      if (problem === undefined) assertEquals(review, {});
      else assertMatch(review.problem ?? "", problem);
    }
    await assertRejects(() => Deno.stat(ran), Deno.errors.NotFound);
    await Deno.remove(ran.replace(/\/ran$/, ""));
  });
}

Deno.test("a shell is killed that does not answer in time", async () => {
  const signal = AbortSignal.timeout(20);
  const { code } = await askShell("sh", ["-c", "exec tail -f /dev/null"], signal);
  assert(signal.aborted && code !== 0);
});

Deno.test("a shell that does not answer in time is killed, whatever it has started", async () => {
  // What it has started holds its output open.
  const script = "tail -f /dev/null & echo $!; wait";
  const { code, stdout } = await askShell("sh", ["-c", script], AbortSignal.timeout(100));
  if (stdout !== "") Deno.kill(Number(stdout));
  assert(code !== 0);
});

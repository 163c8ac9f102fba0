import { assertEquals } from "@std/assert";
import { exitCodeMeaning } from "../../src/executors/exit_code.ts";
import { howItEnded } from "../../src/commands/outcome.ts";

const MEANINGS: [code: number, meaning: string | undefined][] = [
  [0, undefined],
  [1, undefined],
  [2, undefined],
  [126, "the program cannot be executed"],
  [127, "command not found"],
  [128, undefined],
  [130, "killed by SIGINT"],
  [134, "killed by SIGABRT, a crash"],
  [135, "killed by SIGBUS, often out of shared memory"],
  [137, "killed by SIGKILL, often out of memory"],
  [139, "killed by SIGSEGV, a crash"],
  [143, "killed by SIGTERM"],
  [255, undefined],
];

for (const [code, meaning] of MEANINGS) {
  Deno.test(`exit code ${code}: ${meaning ?? "known to its program alone"}`, () =>
    assertEquals(exitCodeMeaning(code), meaning));
}

Deno.test("the codes that shells make are those that are explained", async () => {
  const codeOf = async (source: string) => {
    const { code } = await new Deno.Command("sh", {
      args: ["-c", 'sh -c "$1"; exit $?', "sh", source],
      stderr: "null",
    }).output();
    return code;
  };
  const explained: [source: string, meaning: RegExp][] = [
    ["no-such-program", /command not found/],
    ["/", /cannot be executed/],
    ["kill -KILL $$", /SIGKILL/],
    ["kill -SEGV $$", /SIGSEGV/],
    ["kill -TERM $$", /SIGTERM/],
  ];
  for (const [source, meaning] of explained) {
    assertEquals(meaning.test(exitCodeMeaning(await codeOf(source)) ?? ""), true, source);
  }
});

Deno.test("the log explains a code, and leaves alone what only its program knows", () => {
  assertEquals(howItEnded({ cause: "exited", exitCode: 3 }), "failed (code 3)");
  assertEquals(
    howItEnded({ cause: "exited", exitCode: 137 }),
    "failed (code 137: killed by SIGKILL, often out of memory)",
  );
  assertEquals(
    howItEnded({ cause: "exited", exitCode: 137, oomKill: true }),
    "failed (code 137: killed by SIGKILL; the kernel killed a process for lack of memory meanwhile)",
  );
  assertEquals(
    howItEnded({ cause: "cancelled", signal: "SIGTERM", exitCode: 143 }),
    "cancelled (code 143)",
  );
});

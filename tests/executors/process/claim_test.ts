import { assertEquals } from "@std/assert";
import {
  claimForNode,
  claimPath,
  parseClaim,
  parseReport,
  readClaim,
} from "../../../src/executors/process/claim.ts";
import { WorkloadFolder } from "../../../src/workloads/folder.ts";

const STAT = `42 (bash) S ${Array.from({ length: 18 }, () => 1).join(" ")} 777 4096`;
const BEGUN = { by: "supervisor", process: { pid: 42, startTime: "777" } } as const;

Deno.test({
  name: "what a supervisor has written counts line by line, each once it is whole",
  ignore: Deno.build.os === "darwin",
  fn() {
    const table: [text: string, claim: unknown][] = [
      ["", { by: "supervisor" }],
      [`42 ${STAT}`, { by: "supervisor" }],
      ["nonsense\n", { by: "supervisor" }],
      [`42 ${STAT}\n`, BEGUN],
      [`42 ${STAT}\nexited 1`, BEGUN],
      [`42 ${STAT}\nexited 137\n`, { ...BEGUN, code: 137 }],
      [`42 ${STAT}\nexited 0\nexited 1\n`, { ...BEGUN, code: 0 }],
      [`42 ${STAT}\nexited x\n`, BEGUN],
      [`42 ${STAT}\nexited 137\noom_kill\n`, { ...BEGUN, code: 137, oomKill: true }],
      [`42 ${STAT}\nexited 137\noom_ki`, { ...BEGUN, code: 137 }],
      [`42 ${STAT}\nexited 137\nother\n`, { ...BEGUN, code: 137 }],
      [
        `42 ${STAT}\nexited 0\n0m0.1s 0m0.2s\n1m2.5s 0m0.25s\nio 0 4096 512 8192\n`,
        { ...BEGUN, code: 0, used: { cpuSeconds: 62.75, readBytes: 512, writtenBytes: 4096 } },
      ],
      [
        `42 ${STAT}\nexited 137\noom_kill\n0m0.1s 0m0.2s\n0m0.5s 0m0.25s\nio 0 40`,
        { ...BEGUN, code: 137, oomKill: true, used: { cpuSeconds: 0.75 } },
      ],
      [`42 ${STAT}\n0m0.1s 0m0.2s\n0m0.5s 0m0.25s\n`, BEGUN],
    ];
    for (const [text, claim] of table) assertEquals(parseClaim(text), claim as never, text);
    assertEquals(parseReport(`begun 42 ${STAT}`), { type: "begun", pid: 42, startTime: "777" });
    assertEquals(parseReport("exited 3"), { type: "exited", code: 3 });
    assertEquals(parseReport("exited 137 oom_kill"), { type: "exited", code: 137, oomKill: true });
    assertEquals(parseReport("something else"), undefined);
  },
});

Deno.test("a claim is made once, and names its maker whatever is in its place", () => {
  const folder = new WorkloadFolder(Deno.makeTempDirSync());
  assertEquals(readClaim(folder, "a"), { by: "nobody" });
  assertEquals(claimForNode(folder, "a"), { by: "node" });
  assertEquals(claimForNode(folder, "a"), { by: "node" });
  Deno.writeTextFileSync(claimPath(folder, "b"), "");
  assertEquals(claimForNode(folder, "b"), { by: "supervisor" });
  Deno.symlinkSync("/nonexistent", claimPath(folder, "c"));
  assertEquals(claimForNode(folder, "c"), { by: "supervisor" });
  new Deno.Command("mkfifo", { args: [claimPath(folder, "d")] }).outputSync();
  assertEquals(claimForNode(folder, "d"), { by: "supervisor" });
  folder.remove();
  assertEquals(claimForNode(folder, "a"), { by: "nobody" });
});

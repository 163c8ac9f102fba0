import { assertEquals } from "@std/assert";
import type { Handle } from "../../../src/executors/executor.ts";
import type { Claim } from "../../../src/executors/process/claim.ts";
import { decide, type Evidence } from "../../../src/executors/process/recovery.ts";

const BOOT = "boot-1";
const PROCESS = { pid: 42, startTime: "777", bootId: BOOT };
const ANNOUNCED: Handle = { executor: "process", attempt: "a", bootId: BOOT };
const STARTED: Handle = { ...ANNOUNCED, process: PROCESS };

const nobody: Claim = { by: "nobody" };
const node: Claim = { by: "node" };
const begun: Claim = { by: "supervisor", process: { pid: 42, startTime: "777" } };
const empty: Claim = { by: "supervisor" };
const ended: Claim = { ...begun, code: 3 };

/** What is decided, in a few words. */
function decided(handle: Handle, evidence: Partial<Evidence>): string {
  const recovery = decide(handle, {
    bootId: BOOT,
    hasFolder: true,
    claim: nobody,
    startTime: undefined,
    ...evidence,
  });
  if (recovery.action === "attach") return `attach ${recovery.process.pid}`;
  if (recovery.action === "requeue") return "requeue";
  const { exit } = recovery;
  if (exit.type !== "exited") return exit.type;
  return `exited ${exit.code}${exit.oomKill ? ", oom kill" : ""}`;
}

Deno.test("a start whose process is unknown is made again only if it certainly never began", () => {
  const table: [evidence: Partial<Evidence>, decision: string][] = [
    [{ claim: node }, "requeue"],
    [{ claim: node, hasFolder: false }, "lost"],
    [{ claim: nobody }, "lost"],
    [{ claim: empty }, "lost"],
    [{ claim: begun, startTime: "777" }, "attach 42"],
    [{ claim: begun, startTime: "unknown" }, "attach 42"],
    [{ claim: begun, startTime: "778" }, "killed"],
    [{ claim: begun }, "killed"],
    [{ claim: ended }, "exited 3"],
    [{ claim: node, bootId: "boot-2" }, "lost"],
    [{ claim: begun, startTime: "777", bootId: "boot-2" }, "lost"],
    [{ claim: ended, bootId: "boot-2" }, "exited 3"],
    [{ claim: node, bootId: "" }, "lost"],
  ];
  for (const [evidence, decision] of table) {
    assertEquals(decided(ANNOUNCED, evidence), decision, JSON.stringify(evidence));
  }
});

Deno.test("a start whose process is known is never made again", () => {
  const table: [evidence: Partial<Evidence>, decision: string][] = [
    [{ claim: begun, startTime: "777" }, "attach 42"],
    // Whatever stands in its folder, it lives.
    [{ claim: ended, startTime: "777" }, "attach 42"],
    [{ hasFolder: false, startTime: "777" }, "attach 42"],
    [{ claim: begun, startTime: "unknown" }, "attach 42"],
    [{ claim: begun, startTime: "778" }, "killed"],
    [{ claim: ended }, "exited 3"],
    [{ claim: { ...begun, code: 137, oomKill: true } }, "exited 137, oom kill"],
    [{ claim: nobody }, "lost"],
    [{ claim: node }, "lost"],
    [{ claim: begun, hasFolder: false }, "lost"],
    [{ claim: begun, startTime: "777", bootId: "boot-2" }, "lost"],
    [{ claim: ended, startTime: "777", bootId: "boot-2" }, "exited 3"],
    [{ claim: begun, startTime: "778", bootId: "" }, "lost"],
  ];
  for (const [evidence, decision] of table) {
    assertEquals(decided(STARTED, evidence), decision, JSON.stringify(evidence));
  }
});

Deno.test("where no boot can be told from another, a process is known by its start time", () => {
  const handle = { ...STARTED, bootId: "", process: { ...PROCESS, bootId: "" } };
  assertEquals(decided(handle, { bootId: "", claim: begun, startTime: "777" }), "attach 42");
  assertEquals(decided(handle, { bootId: "", claim: begun }), "lost");
  assertEquals(decided(handle, { bootId: "", claim: ended }), "exited 3");
});

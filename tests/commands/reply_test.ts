import { assertEquals } from "@std/assert";
import { replyNotKept, replyTo } from "../../src/commands/reply.ts";
import type { Outcome } from "../../src/commands/outcome.ts";
import type { CommandRecord, End } from "../../src/journal/record.ts";
import { WorkloadFolder } from "../../src/workloads/folder.ts";
import { newCommand, SUCCESS } from "../support/journal.ts";

function ended(end: End): CommandRecord {
  const { params: _, ...command } = newCommand("c1");
  const times = { acceptedAt: 0, startedAt: 0, endedAt: 0 };
  return { ...command, ...times, state: "ended", handle: undefined, stop: undefined, end };
}

Deno.test("a repeat whose reply is no longer kept gets the outcome", () => {
  const ends: End[] = [
    SUCCESS,
    { ...SUCCESS, exitCode: 3 },
    { cause: "cancelled", signal: "SIGTERM", bytes: 0 },
  ];
  const replies = ends.map((end) => {
    const { topic, payload } = replyNotKept(ended(end));
    assertEquals(topic, "cyberwave/cloud-node/u-1/response");
    return JSON.parse(new TextDecoder().decode(payload));
  });
  const common = {
    request_id: "request-c1",
    slug: "my-node",
    instance_uuid: "u-1",
    output_truncated: true,
  };
  assertEquals(replies, [
    { ...common, status: "ok", output: "[the output is no longer kept]" },
    { ...common, status: "error", error: "Command failed (code 3); the output is no longer kept" },
    {
      ...common,
      status: "error",
      error: "Command cancelled (SIGTERM); the output is no longer kept",
    },
  ]);
});

Deno.test("a reply says what the command has used, whatever the command printed", () => {
  const { params: _, ...command } = newCommand("c1");
  const folder = new WorkloadFolder(Deno.makeTempDirSync({ prefix: "cloud_node_reply_" }));
  const resources = { cpuSeconds: 1.23456, peakMemoryBytes: 5, writtenBytes: 0 };
  const json = { cpu_seconds: 1.235, peak_memory_bytes: 5, written_bytes: 0 };
  const text = '"output":"" "error":""';
  for (const stream of ["stdout", "stderr"] as const) {
    Deno.writeTextFileSync(folder.outputFile(stream), text);
  }
  const end = { cause: "exited", exitCode: 0, resources } as const;
  const outcomes: [outcome: Outcome, text: string][] = [
    [{ status: "ok", end }, text],
    [{ status: "error", source: "stderr", fallback: "no", end }, text],
    [{ status: "error", source: "node", error: "lost", end }, "lost"],
  ];
  for (const [outcome, expected] of outcomes) {
    const { payload } = replyTo(command, outcome, folder, 99);
    const reply = JSON.parse(new TextDecoder().decode(payload));
    assertEquals([reply.output ?? reply.error, reply.resources], [expected, json]);
  }
  folder.remove();
});

Deno.test("a reply says that the kernel killed for lack of memory, after what the command printed", () => {
  const { params: _, ...command } = newCommand("c1");
  const folder = new WorkloadFolder(Deno.makeTempDirSync({ prefix: "cloud_node_reply_" }));
  const outcome: Outcome = {
    status: "error",
    source: "stderr",
    fallback: "Command failed with code 137",
    note: "The kernel killed a process",
    end: { cause: "exited", exitCode: 137, oomKill: true },
  };
  const errorAfter = (stderr: string) => {
    Deno.writeTextFileSync(folder.outputFile("stderr"), stderr);
    const { payload } = replyTo(command, outcome, folder, 99);
    return JSON.parse(new TextDecoder().decode(payload)).error;
  };
  assertEquals(errorAfter(""), "Command failed with code 137\nThe kernel killed a process");
  assertEquals(errorAfter("loading"), "loading\n[The kernel killed a process]\n");
  folder.remove();
});

Deno.test("a reply never passes output that was removed for none", () => {
  const { params: _, ...command } = newCommand("c1");
  const folder = new WorkloadFolder(Deno.makeTempDirSync({ prefix: "cloud_node_reply_" }));
  const reply = () => {
    const outcome = { status: "ok", end: { cause: "exited", exitCode: 0 } } as const;
    const { payload } = replyTo(command, outcome, folder, 99);
    const { status, output, output_truncated } = JSON.parse(new TextDecoder().decode(payload));
    return { status, output, output_truncated };
  };
  const removed = { status: "ok", output: "[the output was removed]", output_truncated: true };
  assertEquals(reply(), removed);
  Deno.mkdirSync(folder.outputFile("stdout"));
  assertEquals(reply(), removed);
  Deno.removeSync(folder.outputFile("stdout"));
  Deno.writeTextFileSync(folder.outputFile("stdout"), "");
  assertEquals(reply(), { status: "ok", output: "", output_truncated: undefined });
  folder.remove();
});

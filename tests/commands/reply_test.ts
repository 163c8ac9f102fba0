import { assertEquals } from "@std/assert";
import { replyNotKept } from "../../src/commands/reply.ts";
import type { CommandRecord, End } from "../../src/journal/record.ts";
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

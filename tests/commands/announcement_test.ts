import { assertEquals } from "@std/assert";
import { readAnnouncement } from "../../src/commands/announcement.ts";
import type { JsonObject } from "../../src/protocol/json.ts";

Deno.test("an announced workload runs its command with its params and the platform's id for it", () => {
  assertEquals(
    readAnnouncement({
      workload_uuid: "w-1",
      command_type: "training",
      command_params: { epochs: 3, workload_uuid: "another" },
      status: "pending",
    }),
    { workloadUuid: "w-1", kind: "training", params: { epochs: 3, workload_uuid: "w-1" } },
  );
});

for (const none of [undefined, null]) {
  Deno.test(`command_params may be ${none}`, () => {
    const read = readAnnouncement({
      workload_uuid: "w-1",
      command_type: "inference",
      command_params: none,
    });
    assertEquals(read, {
      workloadUuid: "w-1",
      kind: "inference",
      params: { workload_uuid: "w-1" },
    });
  });
}

for (const none of [undefined, null, ""]) {
  Deno.test(`with a command_type that is ${JSON.stringify(none)} there is nothing to run`, () => {
    const read = readAnnouncement({ workload_uuid: "w-1", command_type: none });
    assertEquals(read, { workloadUuid: "w-1", kind: undefined, params: {} });
  });
}

Deno.test("the token stands with the params of the command, or beside them", () => {
  const paramsOf = (token: JsonObject, own: JsonObject) => {
    const read = readAnnouncement({
      workload_uuid: "w",
      command_type: "inference",
      command_params: own,
      ...token,
    });
    return "params" in read ? read.params : read;
  };
  const [outer, inner] = ["outer", "inner"].map((name) => ({ cyberwave_workload_token: name }));
  assertEquals(paramsOf(outer, {}), { workload_uuid: "w", ...outer });
  assertEquals(paramsOf({}, inner), { workload_uuid: "w", ...inner });
  assertEquals(paramsOf(outer, inner), { workload_uuid: "w", ...inner });
});

const PROBLEMS: readonly [name: string, params: JsonObject, error: string, uuid?: string][] = [
  ["no workload_uuid", {}, "workload_received needs params with a workload_uuid (string)"],
  ["a workload_uuid that is a number", { workload_uuid: 7 }, "workload_uuid must be a string"],
  [
    "a workload_uuid that climbs out of its topic",
    { workload_uuid: "a/../b" },
    "workload_uuid must not hold +, #, /, \\, ?, white space or control characters",
  ],
  [
    "a command that this node does not know",
    { workload_uuid: "w", command_type: "toString" },
    "Unknown command: toString",
    "w",
  ],
  [
    "a command_type that is no name",
    { workload_uuid: "w", command_type: { cyberwave_workload_token: "secret" } },
    'workload_received has a "command_type" that is an object, not a name',
    "w",
  ],
  [
    "command_params that are a list",
    { workload_uuid: "w", command_type: "inference", command_params: [1] },
    'workload_received has "command_params" that are an array, not an object',
    "w",
  ],
];

for (const [name, params, error, workloadUuid] of PROBLEMS) {
  Deno.test(`an announcement with ${name} is refused, and the platform can be told of it`, () => {
    assertEquals(readAnnouncement(params), { error, workloadUuid });
  });
}

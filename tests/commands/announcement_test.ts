import { isWorkloadKind } from "../../src/protocol/kinds.ts";
import { assertEquals } from "@std/assert";
import { readAnnouncement } from "../../src/commands/announcement.ts";
import { holdSecret } from "../../src/log.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { ObjectText } from "../../src/protocol/object_text.ts";

/** What an announcement with these params says, its own params parsed. */
function read(announced: JsonObject) {
  const read = readAnnouncement(ObjectText.parse(JSON.stringify(announced))!, isWorkloadKind);
  return "error" in read ? read : { ...read, params: JSON.parse(read.params.text) };
}

Deno.test("an announced workload runs its command with its params and the platform's id for it", () => {
  assertEquals(
    read({
      workload_uuid: "w-1",
      command_type: "training",
      command_params: { epochs: 3, workload_uuid: "another" },
      status: "pending",
    }),
    { workloadUuid: "w-1", kind: "training", params: { epochs: 3, workload_uuid: "w-1" } },
  );
});

for (const none of [undefined, null]) {
  Deno.test(`command_params may be ${none === undefined ? "missing" : "null"}`, () => {
    const announced = {
      workload_uuid: "w-1",
      command_type: "inference",
      command_params: none,
    };
    assertEquals(read(announced), {
      workloadUuid: "w-1",
      kind: "inference",
      params: { workload_uuid: "w-1" },
    });
  });
}

for (const none of [undefined, null, ""]) {
  Deno.test(`with a command_type that is ${JSON.stringify(none) ?? "missing"} there is nothing to run`, () => {
    assertEquals(read({ workload_uuid: "w-1", command_type: none }), {
      workloadUuid: "w-1",
      kind: undefined,
      params: {},
    });
  });
}

Deno.test("the token stands with the params of the command, or beside them", () => {
  const paramsOf = (token: JsonObject, own: JsonObject) => {
    const announcement = read({
      workload_uuid: "w",
      command_type: "inference",
      command_params: own,
      ...token,
    });
    return "params" in announcement ? announcement.params : announcement;
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
    "workload_uuid must not hold +, #, /, \\, ?, white space, control characters or noncharacters",
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
    assertEquals(read(params), { error, workloadUuid });
  });
}

Deno.test("params stay as they were written, and what is added stands behind them", () => {
  const announced = ObjectText.parse(
    `{"workload_uuid":"w","cyberwave_workload_token":"wt","command_type":"inference",
      "command_params":{"10":1.0, "2":12345678901234567890}}`,
  )!;
  const read = readAnnouncement(announced, isWorkloadKind);
  assertEquals(
    "params" in read && read.params.text,
    '{"10":1.0, "2":12345678901234567890,"workload_uuid":"w","cyberwave_workload_token":"wt"}',
  );
});

Deno.test("a token in the place of the command is not repeated", () => {
  const release = holdSecret("wt-announced");
  const announced = { workload_uuid: "w", command_type: "run wt-announced" };
  assertEquals(read(announced), { error: "Unknown command: run ***", workloadUuid: "w" });
  release();
});

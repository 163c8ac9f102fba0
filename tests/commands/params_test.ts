import { assertEquals } from "@std/assert";
import { readPlatformParams } from "../../src/commands/params.ts";
import { ObjectText } from "../../src/protocol/object_text.ts";

function read(params: unknown) {
  return readPlatformParams(ObjectText.parse(JSON.stringify(params))!);
}

Deno.test("the token is taken out of the params, and nothing else", () => {
  const params = { cyberwave_workload_token: "wt-1", workload_uuid: "w-1", x: { y: [1] } };
  assertEquals(read(params), {
    params: '{"workload_uuid":"w-1","x":{"y":[1]}}',
    workloadUuid: "w-1",
    token: "wt-1",
  });
});

Deno.test("a token is a string with something in it; whatever else there is goes as well", () => {
  for (const token of ["", null, 7, ["t"], { t: "t" }]) {
    assertEquals(read({ cyberwave_workload_token: token, x: 1 }), {
      params: '{"x":1}',
      workloadUuid: undefined,
      token: undefined,
    });
  }
});

Deno.test("without a workload_uuid the platform does not follow a command", () => {
  for (const params of [{}, { workload_uuid: null }, { workload_uuid: "" }]) {
    assertEquals(read(params), {
      params: JSON.stringify(params),
      workloadUuid: undefined,
      token: undefined,
    });
  }
});

const HOSTILE: readonly unknown[] = [
  "../../api/v1/cloud-node",
  "..",
  "a/update-status",
  "+",
  "#",
  "a\u0000b",
  "a b",
  "a?b=c",
  "a\\b",
  "\ud800",
  "w".repeat(201),
  7,
  12345678901234567890n,
  ["w-1"],
  { w: 1 },
  true,
];

for (const uuid of HOSTILE) {
  Deno.test(`a workload_uuid that is ${Deno.inspect(uuid).slice(0, 40)} is refused, and goes nowhere`, () => {
    const params = ObjectText.parse(JSON.stringify({ cyberwave_workload_token: "wt-1" }))!;
    const json = typeof uuid === "bigint" ? String(uuid) : JSON.stringify(uuid);
    const problem = readPlatformParams(params.with("workload_uuid", json));
    const { error, workloadUuid } = problem as { error: string; workloadUuid?: string };
    assertEquals([error.slice(0, 19), workloadUuid], ["workload_uuid must ", undefined]);
  });
}

Deno.test("what is no image is refused in the name of the workload that it was meant for", () => {
  assertEquals(read({ workload_uuid: "w-1", image_bytes_base64: "aGVsbG8=" }), {
    error: "image_bytes_base64 is no PNG, JPEG, GIF or WebP image",
    workloadUuid: "w-1",
  });
});

Deno.test("params stay as they were written, but for tokens at any depth", () => {
  const params = ObjectText.parse(
    `{"10":1.0, "2":1e400, "cyberwave_workload_token":"wt-1", "seed":12345678901234567890,
      "list":[{"cyberwave_workload_token":"wt-2"},{"a":1,"cyberwave_workload_t\\u006fken":3}]}`,
  )!;
  assertEquals(readPlatformParams(params), {
    params: `{"10":1.0, "2":1e400, "seed":12345678901234567890,
      "list":[{},{"a":1}]}`,
    workloadUuid: undefined,
    token: "wt-1",
  });
});

Deno.test("a token that is too long for a variable is refused, and not repeated", () => {
  const params = { workload_uuid: "w-1", cyberwave_workload_token: "t".repeat(8_193) };
  assertEquals(read(params), {
    error: "cyberwave_workload_token must be at most 8192 characters",
    workloadUuid: "w-1",
  });
});

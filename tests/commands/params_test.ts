import { assertEquals } from "@std/assert";
import { readPlatformParams } from "../../src/commands/params.ts";
import { parseLossless } from "../../src/protocol/json.ts";

Deno.test("the token is taken out of the params, and nothing else", () => {
  const params = { cyberwave_workload_token: "wt-1", workload_uuid: "w-1", x: { y: [1] } };
  assertEquals(readPlatformParams(params), {
    params: { workload_uuid: "w-1", x: { y: [1] } },
    workloadUuid: "w-1",
    token: "wt-1",
  });
});

Deno.test("a token is a string with something in it; whatever else there is goes as well", () => {
  for (const token of ["", null, 7, ["t"], { t: "t" }]) {
    assertEquals(readPlatformParams({ cyberwave_workload_token: token, x: 1 }), {
      params: { x: 1 },
      workloadUuid: undefined,
      token: undefined,
    });
  }
});

Deno.test("without a workload_uuid the platform does not follow a command", () => {
  for (const params of [{}, { workload_uuid: null }, { workload_uuid: "" }]) {
    assertEquals(readPlatformParams(params), { params, workloadUuid: undefined, token: undefined });
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
  parseLossless("12345678901234567890"),
  ["w-1"],
  { w: 1 },
  true,
];

for (const uuid of HOSTILE) {
  Deno.test(`a workload_uuid that is ${Deno.inspect(uuid).slice(0, 40)} is refused, and goes nowhere`, () => {
    const read = readPlatformParams({ workload_uuid: uuid, cyberwave_workload_token: "wt-1" });
    const { error, workloadUuid } = read as { error: string; workloadUuid?: string };
    assertEquals([error.slice(0, 19), workloadUuid], ["workload_uuid must ", undefined]);
  });
}

Deno.test("what is no image is refused in the name of the workload that it was meant for", () => {
  assertEquals(readPlatformParams({ workload_uuid: "w-1", image_bytes_base64: "aGVsbG8=" }), {
    error: "image_bytes_base64 is no PNG, JPEG, GIF or WebP image",
    workloadUuid: "w-1",
  });
});

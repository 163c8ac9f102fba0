import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { MissingPermissionError } from "../src/errors.ts";
import {
  type Need,
  permissionFlags,
  readEnvironment,
  requirePermissions,
} from "../src/permissions.ts";

const NEEDS: readonly Need[] = [
  { what: { name: "read", path: "/state" }, why: "the state folder" },
  { what: { name: "write", path: "/state" }, why: "the state folder" },
  { what: { name: "net", host: "broker:1883" }, why: "the broker" },
  { what: { name: "net", host: "[::1]:80" }, why: "the backend" },
  { what: { name: "run", command: "sh" }, why: "every workload" },
  { what: { name: "sys", kind: "statfs" }, why: "the disk" },
];

Deno.test("permissions are flags, one of each kind, without repeats", () => {
  assertEquals(permissionFlags([...NEEDS, ...NEEDS]), [
    "--allow-read=/state",
    "--allow-write=/state",
    "--allow-net=broker:1883,[::1]:80",
    "--allow-run=sh",
    "--allow-sys=statfs",
  ]);
});

Deno.test("what cannot be named in a flag is allowed as a whole", () => {
  const needs = [
    { what: { name: "read", path: "/a,b" }, why: "a comma separates paths" },
    { what: { name: "read", path: "/c" }, why: "it goes with the rest" },
    { what: { name: "net" }, why: "any host" },
  ] as const;
  assertEquals(permissionFlags(needs), ["--allow-read", "--allow-net"]);
});

Deno.test("what is allowed is not asked for again", () => {
  requirePermissions(NEEDS, () => "granted");
});

Deno.test("what is missing is told with its purpose and the whole flag to use", () => {
  for (const state of ["prompt", "denied"] as const) {
    const error = assertThrows(
      () =>
        requirePermissions(NEEDS, (what) => {
          const isMissing = what.name === "run" ||
            (what.name === "net" && what.host === "[::1]:80");
          return isMissing ? state : "granted";
        }),
      MissingPermissionError,
    );
    assertEquals(error.exitCode, 2);
    assertEquals(
      error.message,
      "Deno does not allow this program to connect to [::1]:80 (the backend), " +
        "or to run sh (every workload)",
    );
    assertStringIncludes(error.hint!, "Add --allow-net=broker:1883,[::1]:80 --allow-run=sh;");
  }
});

Deno.test("the environment is read only when Deno does not ask about it", () => {
  assertThrows(() => readEnvironment(() => "prompt"), MissingPermissionError, "environment");
  for (const state of ["granted", "denied"] as const) {
    assertEquals(readEnvironment(() => state), Deno.env.toObject());
  }
});

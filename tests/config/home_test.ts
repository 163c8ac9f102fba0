import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { resolve } from "node:path";
import { homeFolder } from "../../src/config/home.ts";
import { resolveConfig } from "../../src/config/resolve.ts";
import { ConfigError } from "../../src/errors.ts";
import { OS } from "../../src/os/current.ts";

Deno.test("the home folder is that of the environment, else the operating system's", () => {
  assertEquals(homeFolder({ [OS.homeVariable]: "/home/me" }, () => "/other"), "/home/me");
  assertEquals(homeFolder({ [OS.homeVariable]: "" }, () => "/other"), "/other");
});

Deno.test("a user without a home folder is told what to set", () => {
  const error = assertThrows(() => homeFolder({}, () => null), ConfigError, "is not set");
  assertStringIncludes(error.hint!, "--state-folder (CYBERWAVE_EDGE_CONFIG_DIR)");
});

Deno.test("no home folder is looked for when the state folder is given", () => {
  assertEquals(resolveConfig({ stateFolder: "/state" }).stateFolder, resolve("/state"));
});

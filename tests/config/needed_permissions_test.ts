import { assertEquals } from "@std/assert";
import manifest from "../../deno.json" with { type: "json" };
import {
  environmentFlags,
  nodePermissions,
  unnamedVariables,
  VARIABLES,
} from "../../src/config/needed_permissions.ts";
import { resolveConfig } from "../../src/config/resolve.ts";
import { SETTINGS } from "../../src/config/settings/settings.ts";
import { devPermissions } from "../../src/dev/needed_by_dev.ts";
import { OS } from "../../src/os/current.ts";
import { type Need, permissionFlags, requirePermissions } from "../../src/permissions.ts";

const STATIC = manifest.permissions.default;

function flagOf(kind: string, config: Parameters<typeof resolveConfig>[0]): string | undefined {
  const settings = resolveConfig({ stateFolder: "/state", workFolder: "/project", ...config });
  return permissionFlags(nodePermissions(settings, "bash")).find((flag) =>
    flag.startsWith(`--allow-${kind}`)
  );
}

Deno.test("a node connects to the backend and the broker that are configured", () => {
  const table: [Parameters<typeof resolveConfig>[0], string][] = [
    [{}, "api.cyberwave.com:443,mqtt.cyberwave.com:1883"],
    [{ apiUrl: "http://api.local/v2", mqttHost: "b", mqttPort: 8883 }, "api.local:80,b:8883"],
    [{ apiUrl: "https://[::1]:8443", mqttHost: "::1" }, "[::1]:8443,[::1]:1883"],
  ];
  for (const [config, hosts] of table) {
    assertEquals(flagOf("net", { ...config, uploadResults: false }), `--allow-net=${hosts}`);
  }
});

Deno.test("a node that sends result files goes where the platform says", () => {
  const settings = { resultsFolder: "out" };
  assertEquals(flagOf("net", settings), "--allow-net");
  assertEquals(flagOf("read", settings), "--allow-read=/project,/state,/project/out");
  assertEquals(flagOf("write", settings), "--allow-write=/state,/project/out");
  const local = { ...settings, apiUrl: "http://127.0.0.1:8000", mqttHost: "::1" };
  assertEquals(flagOf("net", local), "--allow-net=127.0.0.1:8000,[::1]:1883,127.0.0.1");
});

Deno.test("a node reads what its settings name, and writes in its state folder only", () => {
  const uploadResults = false;
  assertEquals(flagOf("read", { uploadResults }), "--allow-read=/project,/state");
  assertEquals(
    flagOf("read", { uploadResults, mqttTlsCaCerts: "ca.pem" }),
    "--allow-read=/project,/state,/project/ca.pem",
  );
  assertEquals(flagOf("write", { uploadResults }), "--allow-write=/state");
});

Deno.test("a node runs the shell, sh to look at processes, and what starts sessions", () => {
  const settings = resolveConfig({});
  const sessions = OS.sessionProgram === undefined ? "" : `,${OS.sessionProgram}`;
  for (const [shell, flag] of [["bash", "sh,bash"], ["sh", "sh"]] as const) {
    const flags = permissionFlags(nodePermissions(settings, shell));
    const run = flags.find((flag) => flag.startsWith("--allow-run"));
    assertEquals(run, `--allow-run=${flag}${sessions}`);
  }
});

Deno.test("flags of earlier versions are enough", () => {
  const needs = nodePermissions(resolveConfig({ http: "auto" }), "bash");
  const isLater = (what: Deno.PermissionDescriptor) =>
    what.name === "run" && what.command === "setsid" ||
    what.name === "sys" && (what.kind === "cpus" || what.kind === "systemMemoryInfo");
  requirePermissions(needs, (what) => isLater(what) ? "prompt" : "granted");
});

Deno.test("every variable of a setting is named, and workloads are spared the others", () => {
  assertEquals(unnamedVariables(SETTINGS.flatMap(({ env }) => env)), []);
  assertEquals(unnamedVariables(["HOME", "LC_ALL", "AWS_SECRET_ACCESS_KEY", "HOMEPAGE"]), [
    "AWS_SECRET_ACCESS_KEY",
    "HOMEPAGE",
  ]);
  const [allow, ignore] = environmentFlags(["MODEL_FOLDER"]);
  assertEquals([allow!.endsWith(",MODEL_FOLDER"), ignore], [true, "--ignore-env"]);
});

Deno.test("the permission set of deno.json names all but what only a machine knows", () => {
  const settings = resolveConfig({ http: "auto" });
  const needs: Need[] = [...nodePermissions(settings, "bash"), ...devPermissions(settings, "bash")];
  const valuesOf = <Kind extends "run" | "sys">(kind: Kind) =>
    permissionFlags(needs.filter(({ what }) => what.name === kind))[0]!.split("=")[1]!.split(",");
  assertEquals(STATIC.run, valuesOf("run"));
  assertEquals([...STATIC.sys].sort(), valuesOf("sys").sort());
  assertEquals(STATIC.env, { ignore: true, allow: [...VARIABLES] });
  assertEquals([STATIC.net, STATIC.read, STATIC.write], [true, true, true]);
});

Deno.test("a compiled program gets the same, and the environment of the service that starts it", () => {
  const flags = manifest.tasks.compile.match(/--allow-\S+/g);
  assertEquals(flags, [
    "--allow-net",
    "--allow-read",
    "--allow-write",
    "--allow-env",
    `--allow-run=${STATIC.run.join(",")}`,
    `--allow-sys=${STATIC.sys.join(",")}`,
  ]);
});

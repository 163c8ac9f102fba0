/**
 * What the runtime must allow `dev`.
 *
 * @module
 */
import { tmpdir } from "node:os";
import type { Settings } from "../config/config.ts";
import { collectorPermissions, nodePermissions } from "../config/needed_permissions.ts";
import { type Need, readPermission } from "../permissions.ts";

/** What the platform needs beside its node. */
export const PLATFORM_NEEDS: readonly Need[] = [
  readPermission(tmpdir(), "the state folder of dev"),
  { what: { name: "write", path: tmpdir() }, why: "the state folder of dev" },
  { what: { name: "net", host: "127.0.0.1" }, why: "the broker and the backend of dev" },
  { what: { name: "sys", kind: "uid" }, why: "to leave the folders of others alone" },
];

/** What the platform and a node with these settings need. */
export function devPermissions(
  settings: Settings,
  shell: "bash" | "sh",
  env: Readonly<Record<string, string>> = {},
): Need[] {
  const { stateFolder } = settings;
  const platform = { apiUrl: "http://127.0.0.1", mqttHost: "127.0.0.1", mqttTlsCaCerts: undefined };
  const ofNode = nodePermissions({ ...settings, ...platform, stateFolder: tmpdir() }, shell);
  return [
    ...ofNode.filter(({ what }) => what.name !== "net"),
    readPermission(stateFolder, "settings in .env and credentials.json"),
    ...collectorPermissions(env),
    ...PLATFORM_NEEDS,
  ];
}

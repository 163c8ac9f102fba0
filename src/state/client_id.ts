/**
 * The MQTT client id: it names the session that the broker keeps for this node, and so lasts as
 * long as the state folder.
 *
 * @module
 */
import * as fs from "node:fs";
import { messageOf } from "../errors.ts";
import { readStateFile, requireFile, setAside, type StateFileParts } from "./state_file.ts";

const FILE_NAME = "mqtt_client_id";

/**
 * The client id of the node with this state folder. A file that holds none is set aside.
 *
 * @throws {ConfigError} if a link stands in its place.
 */
export function loadClientId(folder: string, parts: StateFileParts): string {
  const path = `${folder}/${FILE_NAME}`;
  requireFile(path, parts);
  const stored = storedId(path);
  if (stored.id !== undefined) return stored.id;
  if (stored.problem !== undefined) {
    setAside(path, `${stored.problem}; the broker starts a new session`, parts);
  }
  const random = crypto.getRandomValues(new Uint8Array(8)).toHex();
  const id = `cyberwave-cloud-node-${random}`;
  const temporary = `${path}.${random}`;
  fs.writeFileSync(temporary, `${id}\n`, { mode: 0o600, flag: "wx" });
  fs.renameSync(temporary, path);
  return id;
}

function storedId(path: string): { readonly id?: string; readonly problem?: string } {
  try {
    const id = readStateFile(path)?.trim();
    if (id === undefined || /^cyberwave-cloud-node-[0-9a-f]{16}$/.test(id)) return { id };
    return { problem: "it holds no client id" };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

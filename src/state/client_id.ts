/**
 * The MQTT client id: it names the session that the broker keeps for this node, and so lasts as
 * long as the state folder.
 *
 * @module
 */
import * as fs from "node:fs";

const FILE_NAME = "mqtt_client_id";

/** The client id of the node with this state folder. */
export function clientId(folder: string): string {
  const path = `${folder}/${FILE_NAME}`;
  try {
    const stored = fs.readFileSync(path, "utf8").trim();
    if (/^cyberwave-cloud-node-[0-9a-f]{16}$/.test(stored)) return stored;
  } catch {
    // There is none yet.
  }
  const random = crypto.getRandomValues(new Uint8Array(8)).toHex();
  const id = `cyberwave-cloud-node-${random}`;
  const temporary = `${path}.${random}`;
  fs.writeFileSync(temporary, `${id}\n`, { mode: 0o600, flag: "wx" });
  fs.renameSync(temporary, path);
  return id;
}

/**
 * Whether the password for the broker travels in clear text.
 *
 * @module
 */
import { quoted } from "../errors.ts";
import type { Settings } from "./config.ts";

/** What is wrong, and what to do about it. */
interface ClearTextWarning {
  /** What is wrong. */
  readonly message: string;
  /** What turns TLS on. */
  readonly hint: string;
}

/** The warning for settings with which anybody on the way to the broker can read its password. */
export function clearTextWarning(
  { mqttHost, mqttPort, mqttUseTls, mqttPassword }: Pick<
    Settings,
    "mqttHost" | "mqttPort" | "mqttUseTls" | "mqttPassword"
  >,
): ClearTextWarning | undefined {
  if (mqttUseTls || isLoopback(mqttHost)) return undefined;
  const what = mqttPassword === undefined ? "The API token" : "mqtt_password";
  return {
    message: `${what} is sent to the broker ${quoted(mqttHost)} in clear text, as its password: ` +
      `TLS is off on port ${mqttPort}`,
    hint: 'Turn TLS on with two lines in cyberwave.yml, "mqtt_port: 8883" and "mqtt_use_tls: true"',
  };
}

/** Whether a host is this computer, whatever the network. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, "");
  return name === "localhost" || name.endsWith(".localhost") || name === "::1" ||
    /^(::ffff:)?127(\.\d{1,3}){3}$/.test(name);
}

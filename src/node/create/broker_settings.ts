/**
 * The broker that the settings name.
 *
 * @module
 */
import type { Settings } from "../../config/config.ts";
import { ConfigError, messageOf, quoted } from "../../errors.ts";
import type { Broker } from "../../mqtt/broker.ts";

/** Where the broker is, and the password for it. */
export function brokerOf(
  settings: Settings & { readonly token: string },
): Pick<Broker, "host" | "port" | "tls" | "password"> {
  const { mqttHost, mqttPort, mqttPassword, token } = settings;
  return { host: mqttHost, port: mqttPort, tls: tlsOf(settings), password: mqttPassword ?? token };
}

/**
 * How to speak TLS with the broker, if at all.
 *
 * @throws {ConfigError} if the authorities cannot be read, now or when they are read again
 */
export function tlsOf({ mqttUseTls, mqttTlsCaCerts: path }: Settings): Broker["tls"] {
  if (!mqttUseTls) return undefined;
  if (path === undefined) return {};
  readAuthorities(path);
  return { ca: () => readAuthorities(path) };
}

function readAuthorities(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new ConfigError(
      `Cannot read the certificate authorities in ${quoted(path)}: ${messageOf(error)}`,
      { hint: "Let mqtt_tls_ca_certs name a PEM file that this user may read", cause: error },
    );
  }
}

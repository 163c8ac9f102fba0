/**
 * The control plane that the settings choose.
 *
 * @module
 */
import type { Backend } from "../../backend/backend.ts";
import { MqttBackend } from "../../backend/mqtt_backend.ts";
import { RestBackend } from "../../backend/rest_backend.ts";
import type { Settings } from "../../config/config.ts";
import type { Logger } from "../../log.ts";
import { topicPrefix } from "../../protocol/topics.ts";
import { brokerOf } from "./broker_settings.ts";

/** What a control plane is made from. */
interface BackendOptions {
  readonly settings: Settings & { readonly token: string };
  /** The token in use, which may be replaced. */
  readonly token: { readonly value: string; readonly source: string | undefined };
  readonly logger: Logger;
  /** The node's MQTT client id. */
  readonly clientId: string;
  /** The UUID of the node, as far as it is known now. */
  nodeUuid(): string | undefined;
}

/** Makes the control plane. */
export function createBackend(
  { settings, clientId, token, logger, nodeUuid }: BackendOptions,
): Backend {
  const { apiUrl, workspaceSlug, mqttUsername, mqttPassword, slug } = settings;
  const rest = new RestBackend({
    apiUrl,
    workspaceSlug,
    get token() {
      return token.value;
    },
    get tokenSource() {
      return token.source;
    },
  });
  if (settings.controlPlane === "rest") return rest;
  const nameless = `cloud-node-bootstrap-${crypto.getRandomValues(new Uint8Array(4)).toHex()}`;
  return new MqttBackend({
    broker: {
      ...brokerOf(settings),
      clientId: `${clientId}-control`,
      get password() {
        return mqttPassword ?? token.value;
      },
    },
    username: () => mqttUsername ?? nodeUuid() ?? slug ?? nameless,
    topicPrefix: topicPrefix(settings.environment),
    get token() {
      return token.value;
    },
    get tokenSource() {
      return token.source;
    },
    rest,
    logger,
  });
}

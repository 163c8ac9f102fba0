/**
 * The control plane that the settings choose.
 *
 * @module
 */
import type { ControlPlane } from "../backend/control_plane.ts";
import { MqttControlPlane } from "../backend/mqtt_control_plane.ts";
import { RestControlPlane } from "../backend/rest.ts";
import type { Settings } from "../config/config.ts";
import type { Logger } from "../log.ts";
import { topicPrefix } from "../protocol/topics.ts";
import { clientId } from "../state/client_id.ts";
import { brokerOf } from "./broker.ts";

/** What a control plane is made from. */
export interface ControlPlaneOptions {
  readonly settings: Settings & { readonly token: string };
  /** Where the token came from. */
  readonly tokenSource: string | undefined;
  readonly logger: Logger;
  /** The UUID of the node, as far as it is known now. */
  nodeUuid(): string | undefined;
}

/** Makes it. */
export function createControlPlane(
  { settings, tokenSource, logger, nodeUuid }: ControlPlaneOptions,
): ControlPlane {
  const { token, mqttUsername, slug } = settings;
  const rest = new RestControlPlane({ ...settings, tokenSource });
  if (settings.controlPlane === "rest") return rest;
  const nameless = `cloud-node-bootstrap-${crypto.getRandomValues(new Uint8Array(4)).toHex()}`;
  return new MqttControlPlane({
    broker: { ...brokerOf(settings), clientId: `${clientId(settings.stateFolder)}-control` },
    username: () => mqttUsername ?? nodeUuid() ?? slug ?? nameless,
    topicPrefix: topicPrefix(settings.environment),
    token,
    tokenSource,
    rest,
    logger,
  });
}

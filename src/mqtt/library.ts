/**
 * The MQTT library, loaded so that it prints nothing.
 *
 * @module
 */
import { restoreDebug } from "./hide_debug.ts";
import { MqttClient, ReasonCodes } from "mqtt";

restoreDebug();

export type { IClientOptions, IConnackPacket, IPublishPacket } from "mqtt";
export { MqttClient, ReasonCodes };

/**
 * The MQTT library, loaded so that it prints nothing.
 *
 * @module
 */
import { restoreDebug } from "./hide_debug.ts";
import { MqttClient, ReasonCodes } from "mqtt";
import mqttPacket from "mqtt-packet";

restoreDebug();

// It would keep a buffer for each of 65,536 numbers, which takes 11 MiB; a client uses few of them.
mqttPacket.writeToStream.cacheNumbers = false;

export type { IClientOptions, IConnackPacket, IPublishPacket } from "mqtt";
export { MqttClient, ReasonCodes };

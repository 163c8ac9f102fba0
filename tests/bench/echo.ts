/**
 * A bare MQTT client that replies to every message at once: what a node costs that does nothing.
 * Arguments: the broker's URL, the UUID to reply for.
 */
import { connectBare, topicsOf } from "./caller.ts";

const [url, uuid] = Deno.args;
const { command, response } = topicsOf(uuid);
const client = await connectBare(url);
client.on("message", (_topic, payload) => {
  const { request_id } = JSON.parse(payload.toString());
  const reply = { status: "ok", request_id, slug: uuid, instance_uuid: uuid, output: "" };
  client.publish(response, JSON.stringify(reply), { qos: 1 });
});
await client.subscribeAsync(command, { qos: 1 });

import { assertEquals } from "@std/assert";
import { hostAndPort, urlOf } from "../../src/mqtt/endpoint.ts";
import { openSocket } from "../../src/mqtt/socket.ts";

const SERVERS: [host: string, tls: boolean, address: string, url: string][] = [
  ["mqtt.example", false, "mqtt.example:1883", "mqtt://mqtt.example:1883"],
  ["127.0.0.1", true, "127.0.0.1:1883", "mqtts://127.0.0.1:1883"],
  ["::1", false, "[::1]:1883", "mqtt://[::1]:1883"],
  ["2001:db8::7", true, "[2001:db8::7]:1883", "mqtts://[2001:db8::7]:1883"],
];

for (const [host, tls, address, url] of SERVERS) {
  Deno.test(`${host} stands in messages as ${url}`, () => {
    const broker = { host, port: 1883, tls: tls ? {} : undefined };
    assertEquals([hostAndPort(broker), urlOf(broker)], [address, url]);
  });
}

Deno.test("authorities that cannot be read are an error of the socket, and nobody is connected to", async () => {
  using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const events: string[] = [];
  const ca = () => {
    throw new Error("no such file");
  };
  const socket = openSocket({ host: "127.0.0.1", port: server.addr.port, tls: { ca } });
  socket.on("error", ({ message }) => events.push(message));
  await new Promise((resolve) => socket.on("close", resolve));
  assertEquals(events, ["no such file"]);
});

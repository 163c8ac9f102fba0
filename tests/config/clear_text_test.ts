import { assertEquals, assertStringIncludes } from "@std/assert";
import { clearTextWarning, isLoopback } from "../../src/config/clear_text.ts";
import { resolveConfig } from "../../src/config/resolve.ts";

const HOSTS: readonly [host: string, isLoopback: boolean][] = [
  ["localhost", true],
  ["LOCALHOST.", true],
  ["broker.localhost", true],
  ["127.0.0.1", true],
  ["127.1.2.3", true],
  ["::1", true],
  ["::ffff:127.0.0.1", true],
  ["mqtt.cyberwave.com", false],
  ["localhost.example.com", false],
  ["127.0.0.1.example.com", false],
  ["192.168.0.7", false],
  ["::2", false],
];

for (const [host, expected] of HOSTS) {
  Deno.test(`${host} is ${expected ? "" : "not "}this computer`, () => {
    assertEquals(isLoopback(host), expected);
  });
}

Deno.test("what is sent in clear text is named, never shown, with the lines that turn TLS on", () => {
  const { message, hint } = clearTextWarning(resolveConfig({ token: "hunter2" }))!;
  assertEquals(
    message,
    'The API token is sent to the broker "mqtt.cyberwave.com" in clear text, as its password: ' +
      "TLS is off on port 1883",
  );
  for (const line of ["mqtt_port: 8883", "mqtt_use_tls: true"]) assertStringIncludes(hint, line);
  const own = clearTextWarning(resolveConfig({ mqttPassword: "hunter2", mqttHost: "10.0.0.1" }))!;
  assertStringIncludes(own.message, 'mqtt_password is sent to the broker "10.0.0.1"');
});

for (const config of [{ mqttPort: 8883 }, { mqttUseTls: true }, { mqttHost: "localhost" }]) {
  Deno.test(`nothing is in clear text with ${JSON.stringify(config)}`, () => {
    assertEquals(clearTextWarning(resolveConfig(config)), undefined);
  });
}

import { assertEquals, assertRejects } from "@std/assert";
import { MqttRequests, type RequestConnection } from "../../src/backend/mqtt_requests.ts";
import { RestBackend } from "../../src/backend/rest_backend.ts";
import { EmulatedBackend } from "../../src/dev/rest_front_end.ts";
import { AuthenticationError } from "../../src/errors.ts";
import { FakeClock } from "../support/clock.ts";

Deno.test("over REST, a token that was replaced goes with the next call", async () => {
  await using backend = EmulatedBackend.start();
  const credentials = { apiUrl: backend.url, token: "token-of-today", tokenSource: ".env" };
  const rest = new RestBackend(credentials);
  await assertRejects(() => rest.checkToken(), AuthenticationError, "API token from .env");
  credentials.token = backend.token;
  credentials.tokenSource = "credentials.json";
  await rest.checkToken();
  assertEquals(backend.calls.map(({ authorization }) => authorization), [
    "Token token-of-today",
    `Token ${backend.token}`,
  ]);
});

Deno.test("over MQTT, a token is not blamed for a connection that failed with the one before", async () => {
  const up = Promise.withResolvers<void>();
  const connection: RequestConnection = {
    url: "mqtt://broker",
    connected: false,
    receiveMaximum: 10,
    whenConnected: () => up.promise,
    publish: () => Promise.resolve(),
  };
  const options = {
    connection,
    responseTopic: "responses",
    token: "token-of-today",
    clock: new FakeClock(),
    timeoutMs: 30_000,
  };
  const requests = new MqttRequests(options);
  requests.failed({ kind: "trouble", why: "wrong password", refused: "credentials" });
  await assertRejects(() => requests.ready(), AuthenticationError, "wrong password");

  options.token = "token-of-tomorrow";
  const ready = requests.ready();
  requests.connected();
  up.resolve();
  await ready;
});

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Authority } from "../support/authority.ts";
import { Mosquitto, mosquittoAvailable } from "../support/mosquitto.ts";
import { COMMAND, Harness, RESPONSE } from "../support/mqtt_connection.ts";

const test = (sentence: string, fn: () => Promise<void>) =>
  Deno.test({ name: sentence, ignore: !mosquittoAvailable(), fn });

test("a broker with a certificate from the given authority is connected over TLS", async () => {
  await using authority = await Authority.create();
  const tls = await authority.issue("subjectAltName=DNS:localhost,IP:127.0.0.1");
  await using broker = await Mosquitto.start({ tls });
  for (const host of ["localhost", "127.0.0.1"]) {
    await using node = new Harness({ port: broker.port, host, tls: { ca: () => authority.pem } });
    await node.connection.whenConnected();
    await node.connection.publish(RESPONSE, "x".repeat(100_000));
    assertStringIncludes(node.logger.shown[0], `Connected to mqtts://${host}:${broker.port}`);
  }
});

test("messages are acknowledged over TLS too", async () => {
  await using authority = await Authority.create();
  const tls = await authority.issue("subjectAltName=IP:127.0.0.1");
  await using broker = await Mosquitto.start({ tls });
  const options = { port: broker.port, tls: { ca: () => authority.pem } };
  {
    await using node = new Harness(options);
    await node.connection.whenConnected();
    await node.connection.publish(COMMAND, "once");
    await node.messages.next();
  }
  await using node = new Harness(options);
  await node.connection.whenConnected();
  await node.connection.publish(COMMAND, "another");
  assertEquals((await node.messages.next()).text, "another");
});

test("authorities that are exchanged count from the next connect on, and are waited for", async () => {
  await using authority = await Authority.create();
  await using stranger = await Authority.create();
  const tls = await authority.issue("subjectAltName=IP:127.0.0.1");
  await using broker = await Mosquitto.start({ tls });
  let ca = () => stranger.pem;
  // Waits of a few milliseconds, also after what somebody must change.
  const random = () => 0.0001;
  await using node = new Harness({ port: broker.port, tls: { ca: () => ca() }, random });
  await node.logger.logged("is not signed by a trusted authority; retrying");
  ca = () => {
    throw new Error("ca.pem is being written");
  };
  await node.logger.logged("ca.pem is being written; retrying");
  ca = () => authority.pem;
  await node.connection.whenConnected();
  assertEquals(node.logger.shown.map((line) => line.split(":")[0]), ["error", "warn", "info"]);
});

test("a certificate from an unknown authority is refused", async () => {
  await using authority = await Authority.create();
  await using stranger = await Authority.create();
  const tls = await authority.issue("subjectAltName=DNS:localhost,IP:127.0.0.1");
  await using broker = await Mosquitto.start({ tls });
  for (const ca of [undefined, () => stranger.pem]) {
    await using node = new Harness({ port: broker.port, tls: { ca } });
    await node.logger.lines.next(({ level }) => level === "debug");
    assertEquals(node.logger.shown, [
      `error: Cannot connect to mqtts://127.0.0.1:${broker.port}: ` +
      "the broker's certificate is not signed by a trusted authority; retrying " +
      "(give the authority's certificate as mqtt_tls_ca_certs)",
    ]);
    assert(!node.connection.connected);
  }
});

test("a certificate for another host is refused", async () => {
  await using authority = await Authority.create();
  const tls = await authority.issue("subjectAltName=DNS:elsewhere.example");
  await using broker = await Mosquitto.start({ tls });
  await using node = new Harness({
    port: broker.port,
    host: "localhost",
    tls: { ca: () => authority.pem },
  });
  await node.logger.logged('the broker\'s certificate is not for host "localhost"');
});

test("a broker that does not speak TLS on its port is named as such", async () => {
  await using broker = await Mosquitto.start();
  await using node = new Harness({ port: broker.port, tls: {} });
  assertStringIncludes(await node.logger.logged("Cannot connect"), "retrying");
});

import { assertEquals, assertRejects } from "@std/assert";
import { EmbeddedBroker } from "../../src/dev/embedded_broker.ts";
import { TestClient } from "../support/mqtt_client.ts";

function url({ host, port }: EmbeddedBroker): string {
  return `mqtt://${host}:${port}`;
}

for (const [name, protocolVersion] of [["3.1.1", 4], ["5", 5]] as const) {
  Deno.test(`MQTT ${name} clients talk to each other`, async () => {
    await using broker = await EmbeddedBroker.start();
    await using listener = await TestClient.connect(url(broker), { protocolVersion });
    await using speaker = await TestClient.connect(url(broker), { protocolVersion });
    const inbox = await listener.collect("greetings");
    await speaker.publish("greetings", "hello");
    assertEquals((await inbox.next()).text, "hello");
  });

  Deno.test(`a session of MQTT ${name} keeps messages for a client that is away`, async () => {
    await using broker = await EmbeddedBroker.start();
    const session = {
      protocolVersion,
      clientId: "sleeper",
      clean: false,
      properties: { sessionExpiryInterval: 60 },
    };
    {
      await using sleeper = await TestClient.connect(url(broker), session);
      await sleeper.collect("greetings");
    }
    await using speaker = await TestClient.connect(url(broker));
    await speaker.publish("greetings", "are you there?");
    await using sleeper = await TestClient.connect(url(broker), session);
    const inbox = await sleeper.collect("greetings");
    assertEquals((await inbox.next()).text, "are you there?");
  });
}

Deno.test("clients of different versions talk to each other", async () => {
  await using broker = await EmbeddedBroker.start();
  await using listener = await TestClient.connect(url(broker), { protocolVersion: 4 });
  await using speaker = await TestClient.connect(url(broker));
  const inbox = await listener.collect("greetings");
  await speaker.publish("greetings", "hello");
  assertEquals((await inbox.next()).text, "hello");
});

Deno.test("properties of MQTT 5 pass through", async () => {
  await using broker = await EmbeddedBroker.start();
  await using listener = await TestClient.connect(url(broker));
  await using speaker = await TestClient.connect(url(broker));
  const inbox = await listener.collect("questions");
  await speaker.publish("questions", "?", { properties: { responseTopic: "answers" } });
  assertEquals((await inbox.next()).properties?.responseTopic, "answers");
});

Deno.test("two hundred messages arrive, in order", async () => {
  await using broker = await EmbeddedBroker.start();
  await using listener = await TestClient.connect(url(broker));
  await using speaker = await TestClient.connect(url(broker));
  const inbox = await listener.collect("numbers");
  const numbers = Array.from({ length: 200 }, (_, index) => `${index}`);
  await Promise.all(numbers.map((number) => speaker.publish("numbers", number)));
  for (const number of numbers) assertEquals((await inbox.next()).text, number);
});

Deno.test("it carries messages far larger than a socket's buffer", async () => {
  await using broker = await EmbeddedBroker.start();
  await using listener = await TestClient.connect(url(broker));
  await using speaker = await TestClient.connect(url(broker));
  const inbox = await listener.collect("images");
  for (const size of [150_000, 200_000, 2_000_000, 8_000_000]) {
    await speaker.publish("images", "x".repeat(size));
    assertEquals((await inbox.next()).text.length, size);
  }
});

Deno.test("a port that is taken is an error and leaves nothing behind", async () => {
  await using broker = await EmbeddedBroker.start();
  await assertRejects(
    () => EmbeddedBroker.start({ port: broker.port }),
    Error,
    "EADDRINUSE",
  );
});

Deno.test("it can be closed while a client is connected", async () => {
  const broker = await EmbeddedBroker.start();
  await using client = await TestClient.connect(url(broker));
  await client.publish("topic", "hello");
  await broker[Symbol.asyncDispose]();
  await client.closed;
});

Deno.test("it can be closed while a client has connected but said nothing", async () => {
  const broker = await EmbeddedBroker.start();
  const socket = await Deno.connect({ hostname: broker.host, port: broker.port });
  const closed = broker[Symbol.asyncDispose]();
  socket.close();
  await closed;
});

import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { EmbeddedBroker } from "../../src/dev/embedded_broker.ts";
import { EmulatedBackend } from "../../src/dev/rest_front_end.ts";
import { MqttFrontEnd } from "../../src/dev/mqtt_front_end.ts";
import { AuthenticationError, BackendError, ConfigError } from "../../src/errors.ts";
import { MqttBackend } from "../../src/backend/mqtt_backend.ts";
import { FakeClock } from "../support/clock.ts";
import { Reach, restPlane, RunningPlane, TOKEN } from "../support/backends.ts";
import { RecordingLogger } from "../support/events.ts";
import { freePort, Mosquitto, mosquittoAvailable } from "../support/mosquitto.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { packet, serve } from "../support/raw_broker.ts";

const NODE = { uuid: "u1" };
const HEARTBEAT = "devcyberwave/cloud-node/u1/heartbeat";
const ALIVE = JSON.stringify({ success: true, message: "OK" });
const isHeartbeat = ({ path }: { path: string }) => path.endsWith("/heartbeat");

/** A plane at a broker where a test client plays the backend. */
class Duet implements AsyncDisposable {
  private constructor(
    readonly running: RunningPlane,
    readonly backend: TestClient,
    readonly resources: AsyncDisposableStack,
  ) {}

  static async start(clock?: FakeClock): Promise<Duet> {
    await using resources = new AsyncDisposableStack();
    const { host, port } = resources.use(await EmbeddedBroker.start());
    const backend = resources.use(await TestClient.connect(`mqtt://${host}:${port}`));
    const running = resources.use(new RunningPlane(port, { clock }));
    await running.logger.logged("Connected to");
    return new Duet(running, backend, resources.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.resources.disposeAsync();
  }
}

Deno.test("a request says where its answer goes, which it is, and whose", async () => {
  await using duet = await Duet.start();
  const { running, backend } = duet;
  const requests = await backend.collect(HEARTBEAT);
  const beats = [running.plane.heartbeat(NODE), running.plane.heartbeat(NODE)];
  const [first, second] = [await requests.next(), await requests.next()];
  for (const { text, properties } of [first, second]) {
    assertEquals(text, "{}");
    assertEquals(properties?.responseTopic, `devcyberwave/response/${running.clientId}`);
    assertEquals({ ...properties?.userProperties }, { "X-API-Token": TOKEN });
    assertEquals(properties?.correlationData?.length, 16);
  }
  const [one, other] = [first, second].map(({ properties }) => properties!.correlationData!);
  assert(!one.equals(other));
  for (const correlationData of [other, one]) {
    await backend.publish(first.properties!.responseTopic!, ALIVE, {
      properties: { correlationData },
    });
  }
  assertEquals(await Promise.all(beats), ["alive", "alive"]);
});

Deno.test("an answer that comes after the timeout is dropped without a word", async () => {
  const clock = new FakeClock();
  await using duet = await Duet.start(clock);
  const { running: { plane, logger }, backend } = duet;
  const requests = await backend.collect(HEARTBEAT);
  const beat = plane.heartbeat(NODE);
  const late = (await requests.next()).properties!;
  const told = logger.lines.all.length;
  await Promise.all([
    assertRejects(
      () => beat,
      BackendError,
      `MQTT request ${HEARTBEAT} got no answer: timed out after 30 s`,
    ),
    clock.advance(30_000),
  ]);
  await backend.publish(late.responseTopic!, ALIVE, { properties: late });
  const next = plane.heartbeat(NODE);
  const { properties } = await requests.next();
  await backend.publish(late.responseTopic!, "{}", { properties });
  assertEquals(await next, "alive");
  assertEquals(logger.lines.all.length, told);
});

Deno.test("what nobody asked for is no answer", async () => {
  await using duet = await Duet.start();
  const { running: { plane }, backend } = duet;
  const requests = await backend.collect(HEARTBEAT);
  const beat = plane.heartbeat(NODE);
  const { responseTopic, correlationData } = (await requests.next()).properties!;
  const gone = JSON.stringify({ success: false, code: 404 });
  await backend.publish(responseTopic!, gone);
  const wrong = correlationData!.toReversed() as typeof correlationData;
  await backend.publish(responseTopic!, gone, { properties: { correlationData: wrong } });
  await backend.publish(responseTopic!, new Uint8Array([0xff, 0x00]));
  await backend.publish(responseTopic!, ALIVE, { properties: { correlationData } });
  assertEquals(await beat, "alive");
});

Deno.test("an instance is gone when the backend says so without a code", async () => {
  await using duet = await Duet.start();
  const { running: { plane }, backend } = duet;
  const requests = await backend.collect(HEARTBEAT);
  const beat = plane.heartbeat(NODE);
  const { responseTopic, correlationData } = (await requests.next()).properties!;
  const gone = JSON.stringify({ success: false, message: "Instance was terminated" });
  await backend.publish(responseTopic!, gone, { properties: { correlationData } });
  assertEquals(await beat, "gone");
});

Deno.test("a request waits for a broker that is not there yet", async () => {
  const port = freePort();
  await using backend = EmulatedBackend.start({ token: TOKEN });
  await using running = new RunningPlane(port);
  const created = running.plane.createInstance({ profileSlug: "default", slug: "my-node" });
  await running.logger.logged("connection refused");
  await using broker = await EmbeddedBroker.start({ port });
  await using _frontEnd = await MqttFrontEnd.start(backend, broker, "dev");
  assertEquals((await created).slug, "my-node");
});

Deno.test("a broker that stays away is an error that says why", async () => {
  const clock = new FakeClock();
  await using running = new RunningPlane(freePort(), { clock });
  const beat = running.plane.heartbeat(NODE);
  await running.logger.logged("connection refused");
  await Promise.all([
    assertRejects(
      () => beat,
      BackendError,
      "got no answer: no connection to mqtt://127.0.0.1:",
    ),
    clock.advance(30_000),
  ]);
});

Deno.test("an answer is lost with its connection, and that is told at once", async () => {
  await using reach = await Reach.start("MQTT");
  const plane = await reach.connect();
  reach.backend.answerNext(isHeartbeat, () => new Promise(() => {}));
  const beat = assertRejects(() => plane.heartbeat(NODE), BackendError, "got no answer: ");
  await reach.backend.nextCall(isHeartbeat);
  const url = `mqtt://127.0.0.1:${reach.port}`;
  // The broker closes a connection when another comes with the same client id.
  const { clientId } = reach.running!;
  await using _other = await TestClient.connect(url, { clientId });
  await beat;
});

Deno.test("who waits when the control plane is ended is told", async () => {
  await using duet = await Duet.start();
  const requests = await duet.backend.collect(HEARTBEAT);
  const { plane } = duet.running;
  const beat = assertRejects(() => plane.heartbeat(NODE), BackendError, "was closed");
  await requests.next();
  await duet.running[Symbol.asyncDispose]();
  await beat;
  await assertRejects(() => plane.heartbeat(NODE), BackendError, "was closed");
});

const CONNACK_5 = [0x20, 3, 0, 0, 0];
const OLD_CONNACKS = [["of MQTT 5", [0x20, 3, 0, 0x84, 0]], ["of MQTT 3.1.1", [
  0x20,
  2,
  0,
  1,
]]] as const;

/** A broker that answers whoever connects with `connack` and hangs up. */
function dismissiveBroker(connack: readonly number[]) {
  return serve(async (socket) => {
    await packet(socket);
    await socket.write(new Uint8Array(connack));
  });
}

for (const [version, connack] of OLD_CONNACKS) {
  Deno.test(`a broker that refuses MQTT 5 by a CONNACK ${version} is an error of the configuration`, async () => {
    await using broker = dismissiveBroker(connack);
    await using running = new RunningPlane(broker.port);
    for (const call of [() => running.plane.checkToken(), () => running.plane.heartbeat(NODE)]) {
      const error = await assertRejects(call, ConfigError, "the broker does not speak MQTT 5");
      assertMatch(error.hint ?? "", /^Set control_plane: rest/);
    }
  });
}

Deno.test("a broker that hangs up may speak no MQTT 5, or be out", async () => {
  await using broker = dismissiveBroker([]);
  await using running = new RunningPlane(broker.port);
  const call = () => running.plane.checkToken();
  const error = await assertRejects(call, BackendError, "the broker closed the connection");
  assertEquals(error.permanent, false);
  assertMatch(error.hint ?? "", /control_plane: rest/);
  await running.logger.logged("set control_plane: rest");
});

Deno.test("a broker that rejects the user name or password rejects the token", async () => {
  await using broker = dismissiveBroker([0x20, 3, 0, 0x86, 0]);
  await using running = new RunningPlane(broker.port);
  const { plane } = running;
  for (const call of [() => plane.checkToken(), () => plane.heartbeat(NODE)]) {
    const error = await assertRejects(call, AuthenticationError, 'rejected user name "my-node"');
    assertMatch(error.hint ?? "", /the API token/);
    assert(!error.message.includes(TOKEN));
  }
});

/** A broker that welcomes with `connack`, and answers each request with a PUBACK of `code`. */
function refusingBroker(code: number, connack: number[] = CONNACK_5) {
  return serve(async (socket) => {
    await packet(socket);
    await socket.write(new Uint8Array(connack));
    const subscribe = await packet(socket);
    await socket.write(new Uint8Array([0x90, 4, subscribe[0], subscribe[1], 0, 1]));
    const publish = await longPacket(socket);
    const topicLength = publish[0] * 256 + publish[1];
    const [high, low] = publish.subarray(2 + topicLength);
    await socket.write(new Uint8Array([0x40, 4, high, low, code, 0]));
    await socket.read(new Uint8Array(1));
  });
}

const REFUSALS: [number, abstract new (message: string) => Error, string][] = [
  [0x87, AuthenticationError, "not authorized (0x87)"],
  [0x97, BackendError, "quota exceeded (0x97)"],
];

for (const [code, ErrorClass, words] of REFUSALS) {
  Deno.test(`a request that the broker refuses shows no token: ${words}`, async () => {
    await using broker = refusingBroker(code);
    await using running = new RunningPlane(broker.port);
    const created = running.plane.createInstance({ profileSlug: "default" });
    const { message, cause } = await assertRejects(() => created, ErrorClass);
    assertEquals(message, `The broker refused MQTT request request-instance: ${words}`);
    assertEquals(cause, undefined);
    for (const line of running.logger.lines.all) assert(!line.message.includes(TOKEN));
  });
}

Deno.test("a request that is too large for the broker is not sent, its properties counted", async () => {
  const limit = 1_000;
  const connack = [0x20, 8, 0, 0, 5, 0x27, 0, 0, limit >> 8, limit & 0xff];
  await using broker = refusingBroker(0x97, connack);
  await using running = new RunningPlane(broker.port);
  const log = (size: number) => running.plane.log(NODE, { type: "app", content: "x".repeat(size) });
  const error = await assertRejects(() => log(850), BackendError, "packet too large (0x95)");
  assertEquals([error.status, error.permanent], [413, true]);
  await assertRejects(() => log(500), BackendError, "quota exceeded");
});

Deno.test("a token that no topic can carry is refused without showing it", () => {
  for (
    const token of ["to/ken", "to+ken", "to#ken", "two words", "", "tökèn", "x".repeat(20_000)]
  ) {
    const create = () =>
      new MqttBackend({
        broker: { host: "127.0.0.1", port: 1, clientId: "c" },
        username: () => "u",
        topicPrefix: "",
        token,
        tokenSource: "~/.env",
        rest: restPlane("http://127.0.0.1:1"),
        logger: new RecordingLogger(),
      });
    const error = assertThrows(create, ConfigError, "The API token from ~/.env cannot be used");
    assertEquals(error.message.includes(token), token === "");
    assertMatch(error.hint ?? "", /control_plane: rest/);
  }
});

Deno.test({
  name: "no more requests are under way than the broker takes at a time",
  ignore: !mosquittoAvailable(),
  async fn() {
    await using mosquitto = await Mosquitto.start({ config: ["max_inflight_messages 1"] });
    await using backend = EmulatedBackend.start({ token: TOKEN });
    await using _frontEnd = await MqttFrontEnd.start(backend, mosquitto, "dev");
    await using running = new RunningPlane(mosquitto.port);
    const created = Array.from(
      { length: 50 },
      () => running.plane.createInstance({ profileSlug: "default" }),
    );
    assertEquals(new Set((await Promise.all(created)).map(({ uuid }) => uuid)).size, 50);
    assertEquals(running.logger.shown.length, 1, running.logger.shown.join("\n"));
  },
});

/** The next MQTT packet, of up to 16,383 bytes, without its fixed header. */
async function longPacket(socket: Deno.TcpConn): Promise<Uint8Array> {
  const buffer = new Uint8Array(16_384);
  let filled = 0;
  for (;;) {
    filled += await socket.read(buffer.subarray(filled)) ?? 0;
    const isLong = buffer[1] >= 128;
    const length = isLong ? buffer[1] - 128 + buffer[2] * 128 : buffer[1];
    const start = isLong ? 3 : 2;
    if (filled >= start + length) return buffer.slice(start, start + length);
  }
}

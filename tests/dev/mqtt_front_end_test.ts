import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { EmbeddedBroker } from "../../src/dev/embedded_broker.ts";
import { EmulatedBackend } from "../../src/dev/rest_front_end.ts";
import { MqttFrontEnd } from "../../src/dev/mqtt_front_end.ts";
import type { Inbox } from "../support/events.ts";
import { type Message, TestClient } from "../support/mqtt_client.ts";

const RESPONSES = "devcyberwave/response/c1";

/** A backend that answers over MQTT, and somebody who asks. */
class Questions implements AsyncDisposable {
  private constructor(
    readonly backend: EmulatedBackend,
    readonly client: TestClient,
    readonly responses: Inbox<Message>,
    readonly resources: AsyncDisposableStack,
  ) {}

  static async start(): Promise<Questions> {
    await using resources = new AsyncDisposableStack();
    const broker = resources.use(await EmbeddedBroker.start());
    const backend = resources.use(EmulatedBackend.start());
    resources.use(await MqttFrontEnd.start(backend, broker, "dev"));
    const url = `mqtt://${broker.host}:${broker.port}`;
    const client = resources.use(await TestClient.connect(url));
    return new Questions(backend, client, await client.collect(RESPONSES), resources.move());
  }

  /** Asks as a node does, and resolves with the answer. */
  async ask(topic: string, body: unknown, token: string | undefined = this.backend.token) {
    const correlationData = Buffer.from(crypto.getRandomValues(new Uint8Array(16)));
    const properties = {
      responseTopic: RESPONSES,
      correlationData,
      userProperties: token === "" ? undefined : { "X-API-Token": token },
    };
    await this.client.publish(`devcyberwave/${topic}`, JSON.stringify(body), { properties });
    const { text } = await this.responses.next(({ properties }) =>
      correlationData.equals(properties?.correlationData ?? Buffer.of())
    );
    return JSON.parse(text);
  }

  /** Creates an instance. */
  create() {
    const topic = `cloud-node-token/${this.backend.token}/request-instance`;
    return this.ask(topic, { profile_slug: "default", slug: "my-node" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.resources.disposeAsync();
  }
}

const OK = { success: true, message: "OK" };

Deno.test("over MQTT, an instance is created, registers, lives, and is terminated", async () => {
  await using mqtt = await Questions.start();
  const { uuid, slug, status, success } = await mqtt.create();
  assertEquals([slug, status, success], ["my-node", "created", true]);
  const register = () => mqtt.ask(`cloud-node/${uuid}/register`, { profile_slug: "default" });
  assertEquals(await register(), { ...OK, uuid, slug });
  assertEquals(await mqtt.ask(`cloud-node/${uuid}/heartbeat`, {}), OK);
  assertEquals(await mqtt.ask(`cloud-node/${uuid}/terminate`, {}), OK);
  assertEquals(await mqtt.ask(`cloud-node/${uuid}/heartbeat`, {}), {
    success: false,
    code: 400,
    message: "Instance has been terminated",
  });
  await mqtt.ask(`cloud-node/${uuid}/fail`, { instance_uuid: uuid, error: "no CUDA" });
  assertEquals(mqtt.backend.instances.get(uuid)?.error, "no CUDA");
});

Deno.test("over MQTT, logs are kept", async () => {
  await using mqtt = await Questions.start();
  const { uuid } = await mqtt.create();
  const log = { instance_uuid: uuid, log_type: "stderr", log_content: "hello\n" };
  assertEquals(await mqtt.ask(`cloud-node/${uuid}/logs`, log), OK);
  const logs = mqtt.backend.logs.map(({ instanceUuid, type, content }) => [
    instanceUuid,
    type,
    content,
  ]);
  assertEquals(logs, [[uuid, "stderr", "hello\n"]]);
});

Deno.test("over MQTT, a wrong token is rejected, none is the broker's business", async () => {
  await using mqtt = await Questions.start();
  const { uuid } = await mqtt.create();
  const rejected = { success: false, code: 401, message: "Invalid token" };
  assertEquals(await mqtt.ask(`cloud-node/${uuid}/heartbeat`, {}, "wrong"), rejected);
  assertEquals(await mqtt.ask("cloud-node-token/wrong/request-instance", {}), rejected);
  assertEquals(await mqtt.ask(`cloud-node/${uuid}/heartbeat`, {}, ""), OK);
});

Deno.test("over MQTT, a workload's statuses are kept in their order, and its end is final", async () => {
  await using mqtt = await Questions.start();
  const workload = mqtt.backend.createWorkload();
  const topic = `cloud-workload/${workload.uuid}/update-status`;
  const reported = [
    { status: "running", pid: 42 },
    { status: "finalizing", file_count: 2 },
    { status: "completed", success: true, exit_code: 0 },
    { status: "running", pid: 42 },
  ];
  for (const status of reported) assertEquals(await mqtt.ask(topic, status), OK);
  assertEquals(workload.statuses, reported);
  assertEquals(workload.status, "completed");
  assertEquals((await mqtt.ask(topic, { status: "bored" })).code, 422);
  assertEquals((await mqtt.ask("cloud-workload/none/update-status", reported[0])).code, 404);
});

Deno.test("over MQTT, result files get signed URLs and are reported", async () => {
  await using mqtt = await Questions.start();
  const workload = mqtt.backend.createWorkload();
  const topic = `cloud-workload/${workload.uuid}`;
  const signed = await mqtt.ask(`${topic}/request-signed-url`, { filename: "a" });
  assert(signed.success);
  const uuid = signed.filename;
  const headers = { "Content-Type": "application/octet-stream" };
  const stored = await fetch(signed.signed_url, { method: "PUT", headers, body: "abc" });
  await stored.body?.cancel();
  const report = { filenames: ["a"], signed_urls: [signed.signed_url], attachment_uuids: [uuid] };
  assertEquals(await mqtt.ask(`${topic}/upload-results`, report), OK);
  assertEquals(workload.results.map(({ filename, size }) => [filename, size]), [["a", 3]]);
});

Deno.test("what is reported without asking for an answer is taken in", async () => {
  await using mqtt = await Questions.start();
  const workload = mqtt.backend.createWorkload();
  const topic = `devcyberwave/cloud-workload/${workload.uuid}/update-status`;
  await mqtt.client.publish(topic, { status: "running" });
  await mqtt.backend.nextCall(({ path }) => path.endsWith("/update-status"));
  assertEquals(workload.status, "running");
});

Deno.test("calls over MQTT can be awaited and answered otherwise, like any other", async () => {
  await using mqtt = await Questions.start();
  const { uuid } = await mqtt.create();
  const isHeartbeat = ({ path }: { path: string }) => path.endsWith("/heartbeat");
  mqtt.backend.answerNext(isHeartbeat, () => new Response("<html>", { status: 502 }));
  const [, call] = await Promise.all([
    mqtt.client.publish(`devcyberwave/cloud-node/${uuid}/heartbeat`, "not JSON", {
      properties: { responseTopic: RESPONSES },
    }),
    mqtt.backend.nextCall(isHeartbeat),
  ]);
  assertEquals([call.method, call.body, call.authorization], ["MQTT", undefined, null]);
  assertEquals((await mqtt.responses.next()).text, "<html>");
});

Deno.test("over MQTT, a workload that a client creates comes to its instance as a command", async () => {
  await using mqtt = await Questions.start();
  const { uuid } = await mqtt.create();
  await mqtt.ask(`cloud-node/${uuid}/register`, { profile_slug: "default" });
  const commands = await mqtt.client.collect(`devcyberwave/cloud-node/${uuid}/command`);
  const fields = { profile_slug: "default", command_type: "training", command_params: { x: 1 } };
  const workload = await mqtt.backend.requestWorkload(fields).json();
  const { request_id, ...command } = JSON.parse((await commands.next()).text);
  assert(request_id !== "");
  assertEquals(command, {
    command: "workload_received",
    params: {
      workload_uuid: workload.uuid,
      profile_slug: "default",
      status: "assigned",
      command_type: "training",
      command_params: { x: 1 },
    },
  });
});

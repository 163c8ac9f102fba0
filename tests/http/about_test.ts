import { assert, assertEquals } from "@std/assert";
import { HttpNode } from "../support/http_node.ts";
import { Stage } from "../support/stage.ts";

interface ShownSetting {
  readonly name: string;
  readonly value: string;
  readonly source: string;
}

Deno.test("settings: what the node runs with and where that came from, without secrets", async () => {
  const secret = "s3cret-of-the-broker";
  await using node = await HttpNode.start({
    ...{ inference: "true", mqttPassword: secret, env: { API_PASSWORD: secret } },
  });
  const { body } = await node.ask("/api/v1/settings");
  const { config_file, settings } = JSON.parse(body);
  const of = (name: string) => settings.find((setting: ShownSetting) => setting.name === name);
  assertEquals(config_file, null);
  assertEquals(of("inference"), { name: "inference", value: "true", source: "the config given" });
  assertEquals(of("max_queued").source, "default");
  assertEquals(of("mqtt_password").value, "***");
  assertEquals(of("env").value, "API_PASSWORD");
  assert(!body.includes(secret) && !body.includes(node.world.backend.token));
  assertEquals((await node.ask("/api/v1/doctor")).status, 409);
});

Deno.test("settings and doctor: of a node of the command line", async () => {
  await using stage = await Stage.set();
  await stage.configure(`  inference: "true"\n  http: 127.0.0.1:0\n`);
  await using _node = await stage.startNode("--slug", "n");
  const client = await HttpNode.at(stage.world.stateFolder);
  const { config_file, settings } = await client.json("/api/v1/settings");
  assertEquals(config_file.split("/").at(-1), "cyberwave.yml");
  const slug = settings.find(({ value }: ShownSetting) => value === "n");
  assertEquals(slug.source, "--slug");
  // Two who ask at the same time get the same answer, and the config is read anew.
  await stage.configure(`  inferense: "true"\n  inference: "true"\n  http: 127.0.0.1:0\n`);
  const [one, other] = await Promise.all([1, 2].map(() => client.ask("/api/v1/doctor")));
  assertEquals(one!.body, other!.body);
  const { ok, checks } = JSON.parse(one!.body);
  const of = (name: string) => checks.find((check: { name: string }) => check.name === name);
  assertEquals(ok, checks.every(({ status }: { status: string }) => status !== "fail"));
  assertEquals([of("config").status, of("broker").status], ["warn", "ok"]);
  assert(!one!.body.includes(stage.world.backend.token));
});

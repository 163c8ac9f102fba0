import { assertEquals } from "@std/assert";
import { PRESETS, requestBody } from "../../../src/executors/server/preset.ts";

const ID = "0193f1";

Deno.test("presets: params go where each kind of server takes them", () => {
  const url = "http://127.0.0.1:5000/predictions?x=1";
  const sent = Object.entries(PRESETS).map(([api, preset]) => [api, preset.send(url, ID)]);
  const post = { method: "POST", url };
  assertEquals(Object.fromEntries(sent), {
    json: post,
    cog: { method: "PUT", url: `http://127.0.0.1:5000/predictions/${ID}?x=1` },
    oip: post,
    runpod: post,
    openai: post,
  });
});

Deno.test("presets: Cog cancels by the id of a prediction, the others by the end of the connection", () => {
  assertEquals(PRESETS.cog.cancel!("http://h/predictions/", ID), {
    method: "POST",
    url: `http://h/predictions/${ID}/cancel`,
  });
  const others = Object.values(PRESETS).filter((preset) => preset !== PRESETS.cog);
  assertEquals(others.map(({ cancel }) => cancel), [undefined, undefined, undefined, undefined]);
});

Deno.test("presets: each kind of server is asked where it says whether it is ready", () => {
  const ready = (api: keyof typeof PRESETS, url: string) => {
    const target = PRESETS[api].ready(url);
    return `${target.method} ${target.url}`;
  };
  assertEquals(ready("json", "http://h/predict"), "OPTIONS http://h/predict");
  assertEquals(ready("runpod", "http://h/runsync"), "OPTIONS http://h/runsync");
  assertEquals(ready("cog", "http://h:5000/predictions"), "GET http://h:5000/health-check");
  assertEquals(
    ready("oip", "http://h/v2/models/m/versions/1/infer"),
    "GET http://h/v2/models/m/versions/1/ready",
  );
  assertEquals(ready("oip", "http://h/other"), "GET http://h/v2/health/ready");
  assertEquals(
    ready("openai", "http://h/api/v1/chat/completions?a=b"),
    "GET http://h/api/v1/models",
  );
  assertEquals(ready("openai", "http://h/complete"), "GET http://h/v1/models");
});

Deno.test("presets: params are a body as they are, or a member of it", () => {
  assertEquals(requestBody('{"a":1}', undefined), '{"a":1}');
  assertEquals(requestBody('{"a":1}', 'in"put'), '{"in\\"put":{"a":1}}');
});

import { assertEquals, assertThrows } from "@std/assert";
import { resolveConfig } from "../../src/config/resolve.ts";
import { ConfigError } from "../../src/errors.ts";
import { tlsOf } from "../../src/node/create/broker_settings.ts";

Deno.test("authorities are read again each time, so that others can take their place", async () => {
  const path = await Deno.makeTempFile({ suffix: ".pem" });
  const settings = resolveConfig({
    stateFolder: "/state",
    workFolder: "/project",
    mqttPort: 8883,
    mqttTlsCaCerts: path,
  });
  await Deno.writeTextFile(path, "first");
  const { ca } = tlsOf(settings)!;
  assertEquals(ca!(), "first");
  await Deno.writeTextFile(path, "second");
  assertEquals(ca!(), "second");
  await Deno.remove(path);
  assertThrows(ca!, ConfigError, "Cannot read the certificate authorities in");
  assertThrows(() => tlsOf(settings), ConfigError, "Cannot read the certificate authorities in");
});

Deno.test("without authorities of its own a node trusts those that Deno trusts", () => {
  const config = { stateFolder: "/state", workFolder: "/project" };
  assertEquals(tlsOf(resolveConfig({ ...config, mqttPort: 8883 })), {});
  assertEquals(tlsOf(resolveConfig({ ...config, mqttPort: 1883 })), undefined);
});

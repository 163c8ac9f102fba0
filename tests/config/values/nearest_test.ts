import { assertEquals } from "@std/assert";
import { nearest } from "../../../src/config/values/nearest.ts";

const NAMES = ["inference", "training", "mqtt_host", "mqtt_port", "max_output", "profile_slug"];

Deno.test("a mistyped name finds the one that was meant", () => {
  const meant = {
    infrence: "inference",
    traning: "training",
    mqttport: "mqtt_port",
    mqtt_hsot: "mqtt_host",
    maxOutput: "max_output",
    profile: "profile_slug",
  };
  for (const [word, name] of Object.entries(meant)) assertEquals(nearest(word, NAMES), name, word);
});

Deno.test("a name of its own finds nothing", () => {
  for (const word of ["services", "version", "x", "", "docker"]) {
    assertEquals(nearest(word, NAMES), undefined, word);
  }
});

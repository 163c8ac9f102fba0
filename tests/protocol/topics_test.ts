import { assertEquals } from "@std/assert";
import { commandTopic, responseTopic, topicPrefix } from "../../src/protocol/topics.ts";

Deno.test("commands and responses have topics of their own", () => {
  assertEquals(commandTopic("", "u-1"), "cyberwave/cloud-node/u-1/command");
  assertEquals(commandTopic("", "my-node"), "cyberwave/cloud-node/my-node/command");
  assertEquals(responseTopic("", "u-1"), "cyberwave/cloud-node/u-1/response");
});

Deno.test("an environment other than production stands in front, verbatim", () => {
  const prefixes: [environment: string, prefix: string][] = [
    ["", ""],
    ["production", ""],
    ["Production", ""],
    ["PRODUCTION", ""],
    ["dev", "dev"],
    ["Dev", "Dev"],
    ["production2", "production2"],
  ];
  for (const [environment, prefix] of prefixes) assertEquals(topicPrefix(environment), prefix);
  assertEquals(commandTopic(topicPrefix("dev"), "u-1"), "devcyberwave/cloud-node/u-1/command");
  assertEquals(responseTopic(topicPrefix("dev"), "u-1"), "devcyberwave/cloud-node/u-1/response");
});

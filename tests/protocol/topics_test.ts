import { assertEquals } from "@std/assert";
import {
  commandTopic,
  responseTopic,
  topicPrefix,
  topicProblem,
} from "../../src/protocol/topics.ts";

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

const TOPICS: [topic: string, problem: string | undefined][] = [
  ["cyberwave/cloud-node/u-1/response", undefined],
  ["knoten-ü/\u{1f916}", undefined],
  ["x".repeat(65_535), undefined],
  ["", "is empty"],
  ["a/+/b", "holds a wildcard"],
  ["a/#", "holds a wildcard"],
  ["a\0", "holds control characters or noncharacters"],
  ["x\u0085y", "holds control characters or noncharacters"],
  ["a\ufdd0", "holds control characters or noncharacters"],
  ["a\uffff", "holds control characters or noncharacters"],
  ["a\ud800", "holds control characters or noncharacters"],
  ["ü".repeat(32_768), "is too long"],
];

for (const [topic, problem] of TOPICS) {
  Deno.test(`the topic ${JSON.stringify(topic).slice(0, 40)} ${problem ?? "can be used"}`, () => {
    assertEquals(topicProblem(topic), problem);
  });
}

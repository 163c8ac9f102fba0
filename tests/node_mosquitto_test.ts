import { assertEquals, assertRejects } from "@std/assert";
import { BrokerError } from "../src/errors.ts";
import { mosquittoAvailable } from "./support/mosquitto.ts";
import { fileWritten } from "./support/workshop.ts";
import { World } from "./support/world.ts";

const test = (sentence: string, fn: () => Promise<void>) =>
  Deno.test({ name: sentence, ignore: !mosquittoAvailable(), fn });

test("a reply that the broker refuses ends a drain, and is delivered when it may be", async () => {
  const rights = await Deno.makeTempFile();
  await Deno.writeTextFile(rights, "pattern read #\npattern write +/+/+/command\n");
  await using world = await World.withMosquitto({ config: [`acl_file ${rights}`] });
  const config = { inference: "echo done; echo >ran", stopTimeout: 0.1 };
  const local = await world.runNode(config);
  await using sender = await world.sender(local.identity);
  await sender.send({ command: "status", request_id: "s1" });
  await sender.send({ command: "inference", request_id: "i1" });
  await fileWritten(`${world.folder}/ran`);
  const drained = local.node.drain();
  const error = await assertRejects(() => local.ended, BrokerError);
  assertEquals(error.message, "The broker refuses what is left to deliver: 2 messages");
  await drained;

  await Deno.writeTextFile(rights, "pattern readwrite #\n");
  await world.broker.restart();
  await using late = await world.sender(local.identity);
  await using _next = await world.runNode(config);
  assertEquals((await late.reply("i1")).output, "done\n");
  await Deno.remove(rights);
});

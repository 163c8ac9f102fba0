import { assertEquals } from "@std/assert";
import { AckGate } from "../../src/mqtt/ack_gate.ts";

/** A gate with messages 1, 2, ... that are stored, or not, when the test says so. */
class Harness {
  readonly acknowledged: (readonly number[])[] = [];
  readonly failures: unknown[] = [];
  readonly gate = new AckGate({
    acknowledge: (packetIds) => this.acknowledged.push(packetIds),
    onFailure: (error) => this.failures.push(error),
  });
  readonly messages: PromiseWithResolvers<void>[];

  constructor(count: number) {
    this.messages = Array.from({ length: count }, (_, index) => {
      const message = Promise.withResolvers<void>();
      this.gate.pass(index + 1, () => message.promise);
      return message;
    });
  }
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("a message waits for those before it, whichever is stored first", async () => {
  const { messages: [first, second, third], acknowledged } = new Harness(3);
  second.resolve();
  await settle();
  assertEquals(acknowledged, []);
  first.resolve();
  await settle();
  assertEquals(acknowledged, [[1, 2]]);
  third.resolve();
  await settle();
  assertEquals(acknowledged, [[1, 2], [3]]);
});

Deno.test("all that is stored in one turn is acknowledged at once", async () => {
  const { messages, acknowledged } = new Harness(500);
  for (const { resolve } of messages) resolve();
  await settle();
  assertEquals(acknowledged.map(({ length }) => length), [500]);
});

Deno.test("a message at QoS 0 has nothing to acknowledge, and holds back what comes behind it", async () => {
  const { gate, acknowledged } = new Harness(0);
  const message = Promise.withResolvers<void>();
  gate.pass(undefined, () => message.promise);
  gate.pass(7, () => {});
  await settle();
  assertEquals(acknowledged, []);
  message.resolve();
  await settle();
  assertEquals(acknowledged, [[7]]);
});

Deno.test("a failure counts when all before it are acknowledged, and then nothing is any more", async () => {
  const { gate, messages: [first, second, third], acknowledged, failures } = new Harness(3);
  const error = new Error("the disk is full");
  second.reject(error);
  third.resolve();
  await settle();
  assertEquals([acknowledged, failures], [[], []]);
  first.resolve();
  await settle();
  assertEquals([acknowledged, failures], [[[1]], [error]]);
  await gate.drained();
  gate.pass(4, () => {
    throw new Error("It is closed");
  });
  await settle();
  assertEquals([acknowledged, failures], [[[1]], [error]]);
});

Deno.test("a gate that is closed is drained when all it has taken is acknowledged", async () => {
  const { gate, messages: [first], acknowledged } = new Harness(1);
  gate.close();
  let isDrained = false;
  const drained = gate.drained().then(() => isDrained = true);
  await settle();
  assertEquals(isDrained, false);
  first.resolve();
  await drained;
  assertEquals(acknowledged, [[1]]);
});

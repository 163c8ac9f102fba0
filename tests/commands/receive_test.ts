import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Message } from "../../src/journal/messages.ts";
import type { Command } from "../../src/protocol/decode.ts";
import type { WorkloadKind } from "../../src/protocol/kinds.ts";
import { Dispatcher } from "../../src/commands/receive.ts";
import type { Cancelled } from "../../src/commands/scheduler.ts";
import type { CancelTarget } from "../../src/commands/cancel.ts";
import { RecordingLogger } from "../support/events.ts";

/** A dispatcher, and everything it passed on. */
class Harness {
  readonly logger = new RecordingLogger();
  readonly submitted: [kind: WorkloadKind, command: Command][] = [];
  /** What was refused: the platform's id, and why. */
  readonly refused: [uuid: string | undefined, why: string][] = [];
  readonly cancelled: CancelTarget[] = [];
  readonly posted: Message[] = [];
  cancel: () => Cancelled | undefined = () => undefined;
  readonly #dispatcher = new Dispatcher({
    intake: {
      submit: (kind, command) => this.submitted.push([kind, command]),
      refuse: ({ workloadUuid }, _address, why) => this.refused.push([workloadUuid, why]),
      settle: () => {},
    },
    scheduler: {
      cancel: (target) => {
        this.cancelled.push(target);
        return this.cancel();
      },
    },
    maxCommandSize: 1_000,
    logger: this.logger,
    address: () => ({ slug: "my-node", uuid: "u-1", topic: "replies/u-1" }),
    status: () => '{"slug":"my-node"}',
    post: (message) => this.posted.push(message),
  });

  receive(message: unknown, retained = false): void {
    const text = typeof message === "string" ? message : JSON.stringify(message);
    const payload = new TextEncoder().encode(text);
    this.#dispatcher.receive({ topic: "commands/\u001bu-1", payload, retained });
  }

  /** The replies so far: topic, request id, and what they say. */
  get replies() {
    return this.posted.map(({ topic, payload }) => {
      const { request_id, output, error } = JSON.parse(new TextDecoder().decode(payload));
      return [topic, request_id, output ?? error];
    });
  }
}

Deno.test("commands for workloads are taken in under their kind, and not answered yet", () => {
  const test = new Harness();
  for (const kind of ["inference", "training", "simulate"]) {
    test.receive({ command: kind, request_id: "r1", params: { x: 1 } });
  }
  assertEquals(test.submitted.map(([kind]) => kind), ["inference", "training", "simulate"]);
  assertEquals(test.submitted[0][1], { name: "inference", requestId: "r1", params: { x: 1 } });
  assertEquals(test.replies, []);
});

Deno.test("status is answered at once", () => {
  const test = new Harness();
  test.receive({ command: "status", request_id: "s1" });
  test.receive({ command: "status" });
  assertEquals(test.replies, [
    ["replies/u-1", "s1", '{"slug":"my-node"}'],
    ["replies/u-1", null, '{"slug":"my-node"}'],
  ]);
});

Deno.test("an unknown command is answered with its name", () => {
  const test = new Harness();
  for (const command of ["reboot", "Inference", "toString", "a\n\u001b[2J"]) {
    test.receive({ command, request_id: "r1" });
    assertEquals(test.replies.at(-1), ["replies/u-1", "r1", `Unknown command: ${command}`]);
  }
  assertStringIncludes(test.logger.shown.at(-1)!, '"a\\n\\u001b[2J"');
});

Deno.test("a retained message is ignored with a warning, whatever it is", () => {
  const test = new Harness();
  for (const message of [{ command: "inference", request_id: "r1" }, { command: "status" }, "x"]) {
    test.receive(message, true);
  }
  assertEquals([test.submitted, test.replies, test.logger.shown.length], [[], [], 3]);
  assertStringIncludes(test.logger.shown[0], "publish commands without retain");
});

Deno.test("somebody's response is ignored without a word", () => {
  const test = new Harness();
  test.receive({ status: "ok", request_id: "r1", command: "inference" });
  assertEquals([test.submitted, test.replies, test.logger.shown], [[], [], []]);
});

Deno.test("a malformed message is one warning that names topic and reason", () => {
  const test = new Harness();
  test.receive("hello");
  assertEquals(test.replies, []);
  assertEquals(test.logger.shown.length, 1);
  assertStringIncludes(
    test.logger.shown[0],
    'warn: Ignored a message on "commands/\\u001bu-1": it is not JSON',
  );
});

Deno.test("a malformed message is answered where its request id can be read", () => {
  const test = new Harness();
  test.receive({ command: "inference", request_id: "r1", params: [] });
  test.receive({ command: "status", request_id: 7 });
  test.receive({ command: "inference", request_id: "r2", params: { x: "x".repeat(1_000) } });
  test.receive('{"request_id": "r3", "command": "inference", "params": {');
  const [params, number, size, syntax] = test.replies;
  assertEquals(params, [
    "replies/u-1",
    "r1",
    'Invalid command: the message has "params" that are an array, not an object',
  ]);
  assertEquals(number[1], 7);
  assertStringIncludes(size[2], "more than max_command_size (1000)");
  assertEquals([size[1], syntax[1]], ["r2", "r3"]);
  assertEquals([test.submitted, test.logger.shown.length], [[], 4]);
  for (const line of test.logger.shown) assertStringIncludes(line, "warn: Refused a message on");
});

Deno.test("cancel finds its workload by pid or request id, and tells when there is none", () => {
  const test = new Harness();
  test.receive({ command: "cancel", request_id: "x1", params: { pid: 7 } });
  test.receive({ command: "cancel", request_id: "x2", params: { workload_request_id: "r1" } });
  assertEquals(test.cancelled, [{ pid: 7 }, { requestId: "r1" }]);
  assertEquals(test.replies.map(([, id, text]) => [id, text]), [
    ["x1", "No active workload found with PID 7"],
    ["x2", "No active workload found with request_id r1"],
  ]);
});

Deno.test("a cancel that makes no sense cancels nothing", () => {
  const test = new Harness();
  test.receive({ command: "cancel", request_id: "x", params: { pid: 7, signal: "SIGSTOP" } });
  test.receive({ command: "cancel", request_id: "y" });
  assertEquals(test.cancelled, []);
  assertEquals(
    test.replies[0][2],
    "Invalid signal: SIGSTOP. Must be SIGTERM, SIGKILL, or SIGINT",
  );
  assertStringIncludes(test.replies[1][2], "Cancel needs params");
});

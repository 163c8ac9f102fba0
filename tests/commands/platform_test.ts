import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Results } from "../../src/commands/uploads.ts";
import { IMAGES } from "../support/images.ts";
import { Commands, NO_RESULTS, WAITS } from "../support/commands.ts";
import { isAlive } from "../support/executors.ts";

Deno.test("a workload that the platform follows is running, then completed", async () => {
  await using test = await Commands.start({ inference: "echo oops >&2; [ {body} != '{}' ]" });
  await test.run("r1", { workload_uuid: "w-1" });
  assertEquals((await test.reply("r1")).status, "ok");
  const [{ pid }] = test.statuses() as { pid: number }[];
  assert(pid > 0);
  assertEquals(test.statuses(), [
    { status: "running", message: "Workload started", pid },
    { status: "completed", success: true, exit_code: 0 },
  ]);
});

Deno.test("one that fails is completed without success, with the end of its standard error", async () => {
  await using test = await Commands.start({ training: "echo oops >&2; exit 3" });
  const reply = await test.ask({
    command: "training",
    request_id: "r1",
    params: { workload_uuid: "w-1" },
  });
  assertEquals(reply.error, "oops\n");
  assertEquals(test.statuses()[1], {
    status: "completed",
    success: false,
    exit_code: 3,
    error: "Command failed with code 3",
    stderr: "oops\n",
  });
});

Deno.test("an announced workload runs as a command of its type, one without a type is acknowledged", async () => {
  await using test = await Commands.start({ simulate: "echo {body}" });
  const announce = (id: string, type?: string) =>
    test.ask({
      command: "workload_received",
      request_id: id,
      params: {
        workload_uuid: "w-1",
        command_type: type,
        command_params: { x: 1 },
        status: "pending",
      },
    });
  assertEquals((await announce("r1")).output, "Workload w-1 received and acknowledged");
  assertEquals(test.statusNames(), []);
  const { output } = await announce("r2", "simulate");
  assertEquals(output, '{"x":1,"workload_uuid":"w-1"}\n');
  assertEquals(test.statusNames(), ["running", "completed"]);
});

const REFUSED: readonly [why: string, params: Record<string, unknown>, error: string][] = [
  ["an image that is none", { image_bytes_base64: "aGk=" }, "image_bytes_base64 is no PNG, JPEG"],
  ["a kind that is not configured", {}, "Inference command not configured in cyberwave.yml"],
];

for (const [why, params, error] of REFUSED) {
  Deno.test(`the platform hears that a workload failed because of ${why}`, async () => {
    await using test = await Commands.start({ training: "true" });
    const command = why.includes("kind") ? "inference" : "training";
    await test.run("r1", { workload_uuid: "w-1", ...params }, command);
    const reply = await test.reply("r1");
    assertStringIncludes(reply.error!, error);
    assertEquals(test.statuses(), [
      { status: "failed", error: reply.error, failure_detail: reply.error },
    ]);
  });
}

Deno.test("also when its announcement makes no sense, or it names no command of this node", async () => {
  await using test = await Commands.start({});
  const announced = { workload_uuid: "w-1", command_type: "reboot" };
  const { error } = await test.ask({
    command: "workload_received",
    request_id: "r1",
    params: announced,
  });
  assertEquals(error, "Unknown command: reboot");
  assertEquals(test.statusNames(), ["failed"]);
});

Deno.test("a workload_uuid that fits in no topic is an error, and no topic is made of it", async () => {
  await using test = await Commands.start({ inference: "true" });
  for (const uuid of ["../w-1", "#", "a/b", 7, ["w-1"]]) {
    const { error } = await test.ask({
      command: "inference",
      request_id: JSON.stringify(uuid),
      params: { workload_uuid: uuid },
    });
    assertStringIncludes(error!, "workload_uuid must ");
  }
  assert(test.replies.all.every(({ topic }) => topic === "replies/u-1"));
});

Deno.test("a busy node says so in the words after which the platform queues the work again", async () => {
  await using test = await Commands.start({ inference: WAITS });
  await test.run("r0");
  await test.written("began");
  await test.run("r1", { workload_uuid: "w-1" });
  assertEquals((await test.reply("r1")).error, "Busy: 1 of 1 running, 0 queued");
  const error = "Controller host is busy with other work: Busy: 1 of 1 running, 0 queued";
  assertEquals(test.statuses(), [{
    status: "failed",
    error,
    failure_detail: error,
    rejection_reason: "host_busy",
    rejecting_instance_uuid: "u-1",
  }]);
});

for (const where of ["the same node", "the next node"]) {
  Deno.test(`a busy refusal is not remembered: the same request runs later at ${where}`, async () => {
    const options = { inference: WAITS };
    await using test = await Commands.start(options);
    await test.run("r0");
    await test.written("began");
    await test.run("r1", { workload_uuid: "w-1" });
    await test.reply("r1");
    await test.letGo();
    await test.reply("r0");
    if (where === "the next node") await test.restart(options);
    await test.run("r1", { workload_uuid: "w-1" });
    await test.becomes("running");
    await test.letGo();
    assertEquals((await test.reply("r1")).output, "done\n");
    assertEquals(test.read("began"), "r0\nr1\n");
  });
}

Deno.test("with queue_platform_workloads a workload of the platform waits for its turn", async () => {
  await using test = await Commands.start({ inference: WAITS, queuePlatformWorkloads: true });
  await test.run("r0");
  await test.written("began");
  await test.run("r1", { workload_uuid: "w-1" });
  assertEquals((await test.status()).queued, 1);
  await test.letGo();
  await test.becomes("running");
  await test.letGo();
  assertEquals((await test.reply("r1")).output, "done\n");
  assertEquals(test.statusNames(), ["running", "completed"]);
});

Deno.test("with queue_platform_workloads a full queue is still busy", async () => {
  await using test = await Commands.start({
    inference: WAITS,
    queuePlatformWorkloads: true,
    maxQueued: { inference: 0, training: 0, simulate: 0 },
  });
  await test.run("r0");
  await test.written("began");
  await test.run("r1", { workload_uuid: "w-1" });
  assertEquals((await test.reply("r1")).error, "The queue is full: 1 of 1 running, 0 queued");
  const [{ error, rejection_reason }] = test.statuses();
  assertEquals(rejection_reason, "host_busy");
  assertStringIncludes(String(error), "Controller host is busy with other work: The queue is full");
});

Deno.test("a node that drains is busy for new workloads, and never for a repeat", async () => {
  await using test = await Commands.start({ inference: WAITS });
  await test.run("r1", { workload_uuid: "w-1" });
  await test.written("began");
  test.parts.acceptor.drain();
  await test.run("r1", { workload_uuid: "w-1" });
  await test.logger.logged("was sent again while it is running: ignored");
  await test.run("r2", { workload_uuid: "w-2" });
  assertEquals((await test.reply("r2")).error, "The node is draining and takes no new commands");
  assertEquals(test.statuses("w-2").map(({ rejection_reason }) => rejection_reason), ["host_busy"]);
  await test.letGo();
  const reply = await test.reply("r1");
  await test.run("r1", { workload_uuid: "w-1" });
  assertEquals(await test.reply("r1"), reply);
  assertEquals(test.read("began"), "r1\n");
});

Deno.test("a busy node takes the workload when the platform gives it once more, in another request", async () => {
  await using test = await Commands.start({ inference: WAITS });
  await test.run("r0");
  await test.written("began");
  await test.run("r1", { workload_uuid: "w-1" });
  await test.reply("r1");
  await test.letGo();
  await test.reply("r0");
  await test.run("r2", { workload_uuid: "w-1" });
  await test.becomes("running");
  await test.letGo();
  assertEquals((await test.reply("r2")).output, "done\n");
});

Deno.test("a workload that is under way is not begun again by another request, which hears so", async () => {
  const options = { inference: WAITS, concurrency: { inference: 5, training: 1, simulate: 1 } };
  await using test = await Commands.start(options);
  await test.run("r1", { workload_uuid: "w-1" });
  await test.written("began");
  const again = () =>
    test.ask({ command: "inference", request_id: "r2", params: { workload_uuid: "w-1" } });
  const { error } = await again();
  assertEquals(error, 'The workload "w-1" is under way already, as inference r1');
  await test.letGo();
  await test.reply("r1");
  assertEquals((await again()).error, error, "it is the same request");
  assertEquals([test.statusNames(), test.read("began")], [["running", "completed"], "r1\n"]);
});

Deno.test("a command that makes no sense does not end the workload that is under way", async () => {
  await using test = await Commands.start({ inference: WAITS });
  await test.run("r1", { workload_uuid: "w-1" });
  await test.written("began");
  await test.run("r2", { workload_uuid: "w-1", image_bytes_base64: "?" });
  await test.send({
    command: "workload_received",
    request_id: "r3",
    params: { workload_uuid: "w-1", command_type: "reboot" },
  });
  for (const id of ["r2", "r3"]) assertEquals((await test.reply(id)).status, "error");
  await test.letGo();
  await test.reply("r1");
  assertEquals(test.statusNames(), ["running", "completed"]);
});

Deno.test("without request ids it is the workload_uuid that tells a repeat", async () => {
  await using test = await Commands.start({ inference: WAITS });
  const announce = () =>
    test.send({
      command: "workload_received",
      params: { workload_uuid: "w-1", command_type: "inference" },
    });
  await announce();
  await announce();
  await test.written("began");
  await announce();
  await test.letGo();
  const isReply = ({ topic }: { topic: string }) => topic === "replies/u-1";
  const reply = await test.replies.next(isReply);
  await announce();
  assertEquals(await test.replies.next(isReply), reply);
  assertEquals([test.statusNames(), test.read("began")], [["running", "completed"], "\n"]);
});

for (const kind of ["inference", "training", "simulate"] as const) {
  const status = kind === "training" ? "failed" : "cancelled";
  const message = "Command was cancelled by SIGINT";
  const cancel = {
    command: "cancel",
    request_id: "x",
    params: { workload_request_id: "r1", signal: "SIGINT" },
  };

  Deno.test(`a ${kind} that is cancelled while it runs is ${status}`, async () => {
    await using test = await Commands.start({ [kind]: `trap 'exit 0' INT; ${WAITS}` });
    await test.run("r1", { workload_uuid: "w-1" }, kind);
    await test.written("began");
    await test.ask(cancel);
    assertEquals((await test.reply("r1")).error, message);
    const [{ pid }, end, ...rest] = test.statuses();
    assertEquals([end, rest], [{ status, message, signal: "SIGINT", pid }, []]);
  });

  Deno.test(`a ${kind} that is cancelled before it runs is ${status}, without a pid`, async () => {
    await using test = await Commands.start({ [kind]: WAITS, open: false });
    await test.run("r1", { workload_uuid: "w-1" }, kind);
    assertEquals((await test.ask(cancel)).status, "ok");
    assertEquals((await test.reply("r1")).error, message);
    assertEquals(test.statuses(), [{ status, message, signal: "SIGINT", pid: null }]);
  });
}

Deno.test("a workload whose shell cannot be started has failed, with a reason", async () => {
  await using test = await Commands.start({ inference: "true", open: false });
  await test.run("r1", { workload_uuid: "w-1" });
  // Its folder is in the way.
  const [{ id }] = test.journal.unfinished();
  Deno.writeTextFileSync(`${test.workloadsFolder}/${id}`, "");
  test.parts.runner.open();
  const { error } = await test.reply("r1");
  assertStringIncludes(error!, "could not be started");
  assertEquals(test.statuses().at(-1), { status: "failed", error, failure_detail: error });
});

Deno.test("what the platform has given up is stopped, killed if need be, and told of no more", async () => {
  await using test = await Commands.start({
    inference: `trap '' TERM; echo x >>began; while :; do sleep 0.1; done`,
    cancelGrace: { inference: 0.2, training: 10, simulate: 120 },
  });
  await test.run("r1", { workload_uuid: "w-1" });
  await test.written("began");
  const pid = await test.pidOf("r1");
  await test.parts.runner.cancel(test.runOf("r1")!.command, "SIGTERM", "withdrawn");
  const { error } = await test.reply("r1");
  assertEquals(error, "Command was stopped: the platform no longer wants it from this node");
  assertEquals([test.statusNames(), await isAlive(pid)], [["running"], false]);
});

Deno.test("what waits and was given up never runs", async () => {
  await using test = await Commands.start({ inference: "echo x >>began", open: false });
  await test.run("r1", { workload_uuid: "w-1" });
  const [command] = test.parts.queue.waiting();
  await test.parts.runner.cancel(command, "SIGTERM", "withdrawn");
  assertEquals((await test.reply("r1")).status, "error");
  assertEquals([test.statusNames(), test.parts.queue.isEmpty], [[], true]);
});

Deno.test("the image of a command is a file in its folder, for its user alone", async () => {
  await using test = await Commands.start({ inference: "printf %s {body}" });
  const params = {
    workload_uuid: "w-1",
    image_bytes_base64: `data:image/png;base64,${IMAGES.png.toBase64()}`,
    n: 1,
  };
  const reply = await test.ask({ command: "inference", request_id: "r1", params });
  const { image, ...rest } = JSON.parse(reply.output!);
  assertEquals(rest, { workload_uuid: "w-1", n: 1 });
  assert(image.startsWith(`${test.workloadsFolder}/`), image);
  assertEquals(Deno.readFileSync(image), IMAGES.png);
  assertEquals(Deno.statSync(image).mode! & 0o777, 0o600);
});

/** Results of one file for each command that succeeds, of which the test ends the upload. */
class GatedResults implements Results {
  readonly taken: string[] = [];
  begun = Promise.withResolvers<void>();
  outcome = Promise.withResolvers<Awaited<ReturnType<Results["upload"]>>>();
  readonly folderFor = NO_RESULTS.folderFor;
  readonly createShared = NO_RESULTS.createShared;
  readonly watch = NO_RESULTS.watch;
  readonly record = NO_RESULTS.record;

  take: Results["take"] = ({ workloadUuid }, { status }) => {
    if (status !== "ok") return Promise.resolve([]);
    this.taken.push(workloadUuid!);
    return Promise.resolve([{ name: "a", path: "/a", fingerprint: "1", size: 1 }]);
  };

  upload(_command: unknown, signal: AbortSignal): ReturnType<Results["upload"]> {
    this.begun.resolve();
    signal.addEventListener("abort", () => this.outcome.reject(signal.reason));
    return this.outcome.promise;
  }
}

const FINALIZING = { status: "finalizing", message: "Uploading 1 result file", file_count: 1 };

for (
  const [outcome, end] of [
    [{ type: "uploaded" }, { status: "completed", success: true, exit_code: 0 }],
    [{ type: "failed", reason: "403" }, {
      status: "failed",
      error: "The results were not uploaded: 403",
      failure_detail: "The results were not uploaded: 403",
    }],
  ] as const
) {
  Deno.test(`a workload with results is finalizing, and ${end.status} when they are ${outcome.type}`, async () => {
    const results = new GatedResults();
    await using test = await Commands.start({ inference: "true", results });
    await test.run("r1", { workload_uuid: "w-1" });
    await results.begun.promise;
    assertEquals(test.statuses().slice(1), [FINALIZING]);
    const { is_busy, finalizing_workloads, active_workloads } = await test.status();
    assertEquals([is_busy, finalizing_workloads, active_workloads], [true, ["w-1"], []]);
    results.outcome.resolve(outcome);
    await test.idle();
    assertEquals(test.statuses().slice(1), [FINALIZING, end]);
  });
}

Deno.test("while results are sent the next workload runs", async () => {
  const results = new GatedResults();
  await using test = await Commands.start({ inference: "true", results });
  await test.run("r1", { workload_uuid: "w-1" });
  await results.begun.promise;
  await test.run("r2", { workload_uuid: "w-2" });
  assertEquals((await test.reply("r2")).status, "ok");
  results.outcome.resolve({ type: "uploaded" });
  await test.idle();
});

Deno.test("a node that stops in the middle of an upload leaves it to the next", async () => {
  const options = { inference: "true" };
  const [first, second] = [new GatedResults(), new GatedResults()];
  await using test = await Commands.start({ ...options, results: first });
  await test.run("r1", { workload_uuid: "w-1" });
  await first.begun.promise;
  await test.restart({ ...options, results: second });
  test.parts.uploads.resume();
  await second.begun.promise;
  await test.run("r2", { workload_uuid: "w-1" });
  assertStringIncludes((await test.reply("r2")).error!, "is under way already");
  second.outcome.resolve({ type: "uploaded" });
  await test.idle();
  assertEquals(test.statusNames(), ["running", "finalizing", "completed"]);
  await test.restart(options);
  test.parts.uploads.resume();
  assertEquals([test.statusNames().length, test.parts.uploads.commands()], [3, []]);
});

Deno.test("nothing is taken of what failed, or of what nobody tracks", async () => {
  const results = new GatedResults();
  await using test = await Commands.start({ inference: "true", training: "false", results });
  await test.run("r1", { workload_uuid: "w-1" }, "training");
  await test.reply("r1");
  await test.run("r2");
  await test.reply("r2");
  assertEquals(results.taken, []);
});

Deno.test("a workload gets the token that came with its command, and the next one does not", async () => {
  const variables = ["API_KEY", "API_TOKEN", "MQTT_PASSWORD"].map((name) => `$CYBERWAVE_${name}`);
  await using test = await Commands.start({
    inference: `echo ${variables.join(" ")}; cat {body_file}`,
  });
  const token = 'it\'s $(a) "token"';
  const params = { cyberwave_workload_token: token, x: 1 };
  const first = await test.ask({ command: "inference", request_id: "r1", params });
  assertEquals(first.output, `${token} ${token} ${token}\n{"x":1}`);
  const second = await test.ask({ command: "inference", request_id: "r2" });
  assertEquals(second.output, "\n{}");
});

Deno.test("what waited with a token, which no restart survives, has failed and says so", async () => {
  const options = { inference: "echo x >>began", open: false };
  await using test = await Commands.start(options);
  await test.run("r1", { workload_uuid: "w-1", cyberwave_workload_token: "wt-1" });
  await test.run("r2", { cyberwave_workload_token: "wt-2" });
  await test.run("r3", {});
  await test.restart({ ...options, open: true });
  const error = "The node restarted before the workload began, and its token was not kept";
  assertEquals([(await test.reply("r1")).error, (await test.reply("r2")).error], [error, error]);
  assertEquals((await test.reply("r3")).status, "ok");
  assertEquals(test.statuses(), [{ status: "failed", error, failure_detail: error }]);
  assertEquals(test.read("began"), "x\n");
});

Deno.test("a token that is no text harms nothing but itself", async () => {
  await using test = await Commands.start({ inference: 'echo "$CYBERWAVE_API_KEY"' });
  const params = { cyberwave_workload_token: "half \ud83d\u0000 of it\n" };
  const { output } = await test.ask({ command: "inference", request_id: "r1", params });
  assertEquals(output, "half \ufffd of it\n\n");
});

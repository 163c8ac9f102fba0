import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Uploads } from "../../src/commands/finalizer.ts";
import { IMAGES } from "../support/images.ts";
import { Commands, type CommandsOptions } from "../support/commands.ts";
import { isAlive } from "../support/workshop.ts";

/** Tells that it began, then waits until somebody writes into the pipe `go`. */
const WAITS = 'echo "$CYBERWAVE_REQUEST_ID" >>began; read line <go; echo "$line"';

async function start(options: CommandsOptions): Promise<Commands> {
  const test = await Commands.start(options);
  await new Deno.Command("mkfifo", { args: [`${test.workFolder}/go`] }).output();
  return test;
}

function letGo(test: Commands): Promise<void> {
  return Deno.writeTextFile(`${test.workFolder}/go`, "done\n");
}

/** What the platform was told about a workload so far. */
function told(test: Commands, uuid = "w-1"): Record<string, unknown>[] {
  return test.replies.all.filter(({ topic }) => topic === `workloads/${uuid}`)
    .map(({ topic: _, ...status }): Record<string, unknown> => status);
}

function names(test: Commands, uuid = "w-1"): unknown[] {
  return told(test, uuid).map(({ status }) => status);
}

/** Resolves when the platform is told that a workload is `status`. */
async function becomes(test: Commands, status: string, uuid = "w-1"): Promise<void> {
  const is = (sent: { topic: string; status: unknown }) =>
    sent.topic === `workloads/${uuid}` && sent.status === status;
  await test.replies.next(is);
}

Deno.test("a workload that the platform follows is running, then completed", async () => {
  await using test = await start({ inference: "echo oops >&2; [ {body} != '{}' ]" });
  await test.run("r1", { workload_uuid: "w-1" });
  assertEquals((await test.reply("r1")).status, "ok");
  const [{ pid }] = told(test) as { pid: number }[];
  assert(pid > 0);
  assertEquals(told(test), [
    { status: "running", message: "Workload started", pid },
    { status: "completed", success: true, exit_code: 0 },
  ]);
});

Deno.test("one that fails is completed without success, with the end of its standard error", async () => {
  await using test = await start({ training: "echo oops >&2; exit 3" });
  const reply = await test.ask({
    command: "training",
    request_id: "r1",
    params: { workload_uuid: "w-1" },
  });
  assertEquals(reply.error, "oops\n");
  assertEquals(told(test)[1], {
    status: "completed",
    success: false,
    exit_code: 3,
    error: "Command failed with code 3",
    stderr: "oops\n",
  });
});

Deno.test("an announced workload runs as a command of its type, one without a type is acknowledged", async () => {
  await using test = await start({ simulate: "echo {body}" });
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
  assertEquals(names(test), []);
  const { output } = await announce("r2", "simulate");
  assertEquals(output, '{"x":1,"workload_uuid":"w-1"}\n');
  assertEquals(names(test), ["running", "completed"]);
});

const REFUSED: readonly [why: string, params: Record<string, unknown>, error: string][] = [
  ["an image that is none", { image_bytes_base64: "aGk=" }, "image_bytes_base64 is no PNG, JPEG"],
  ["a kind that is not configured", {}, "Inference command not configured in cyberwave.yml"],
];

for (const [why, params, error] of REFUSED) {
  Deno.test(`the platform hears that a workload failed because of ${why}`, async () => {
    await using test = await start({ training: "true" });
    const command = why.includes("kind") ? "inference" : "training";
    await test.run("r1", { workload_uuid: "w-1", ...params }, command);
    const reply = await test.reply("r1");
    assertStringIncludes(reply.error!, error);
    assertEquals(told(test), [
      { status: "failed", error: reply.error, failure_detail: reply.error },
    ]);
  });
}

Deno.test("also when its announcement makes no sense, or it names no command of this node", async () => {
  await using test = await start({});
  const announced = { workload_uuid: "w-1", command_type: "reboot" };
  const { error } = await test.ask({
    command: "workload_received",
    request_id: "r1",
    params: announced,
  });
  assertEquals(error, "Unknown command: reboot");
  assertEquals(names(test), ["failed"]);
});

Deno.test("a workload_uuid that fits in no topic is an error, and no topic is made of it", async () => {
  await using test = await start({ inference: "true" });
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

Deno.test("a busy node refuses for good: the same command does not run when it comes once more", async () => {
  const options = { inference: WAITS };
  await using test = await start(options);
  await test.run("r0");
  await test.written("began");
  const ask = () => test.run("r1", { workload_uuid: "w-1" });
  ask();
  const reply = await test.reply("r1");
  assertEquals(reply.error, "Busy: 1 of 1 running, 0 queued");
  const failed = { status: "failed", error: reply.error, failure_detail: reply.error };
  assertEquals(told(test), [failed]);
  await letGo(test);
  await test.reply("r0");
  ask();
  assertEquals(await test.reply("r1"), reply);
  await test.restart(options);
  ask();
  assertEquals(await test.reply("r1"), reply);
  assertEquals([told(test), test.read("began")], [[failed], "r0\n"]);
});

Deno.test("a busy node takes the workload when the platform gives it once more, in another request", async () => {
  await using test = await start({ inference: WAITS });
  await test.run("r0");
  await test.written("began");
  await test.run("r1", { workload_uuid: "w-1" });
  await test.reply("r1");
  await letGo(test);
  await test.reply("r0");
  await test.run("r2", { workload_uuid: "w-1" });
  await becomes(test, "running");
  await letGo(test);
  assertEquals((await test.reply("r2")).output, "done\n");
});

Deno.test("a workload that is under way is not begun again by another request, which hears so", async () => {
  const options = { inference: WAITS, concurrency: { inference: 5, training: 1, simulate: 1 } };
  await using test = await start(options);
  await test.run("r1", { workload_uuid: "w-1" });
  await test.written("began");
  const again = () =>
    test.ask({ command: "inference", request_id: "r2", params: { workload_uuid: "w-1" } });
  const { error } = await again();
  assertEquals(error, 'The workload "w-1" is under way already, as inference r1');
  await letGo(test);
  await test.reply("r1");
  assertEquals((await again()).error, error, "it is the same request");
  assertEquals([names(test), test.read("began")], [["running", "completed"], "r1\n"]);
});

Deno.test("a command that makes no sense does not end the workload that is under way", async () => {
  await using test = await start({ inference: WAITS });
  await test.run("r1", { workload_uuid: "w-1" });
  await test.written("began");
  await test.run("r2", { workload_uuid: "w-1", image_bytes_base64: "?" });
  await test.send({
    command: "workload_received",
    request_id: "r3",
    params: { workload_uuid: "w-1", command_type: "reboot" },
  });
  for (const id of ["r2", "r3"]) assertEquals((await test.reply(id)).status, "error");
  await letGo(test);
  await test.reply("r1");
  assertEquals(names(test), ["running", "completed"]);
});

Deno.test("without request ids it is the workload_uuid that tells a repeat", async () => {
  await using test = await start({ inference: WAITS });
  const announce = () =>
    await test.send({
      command: "workload_received",
      params: { workload_uuid: "w-1", command_type: "inference" },
    });
  announce();
  announce();
  await test.written("began");
  announce();
  await letGo(test);
  const isReply = ({ topic }: { topic: string }) => topic === "replies/u-1";
  const reply = await test.replies.next(isReply);
  announce();
  assertEquals(await test.replies.next(isReply), reply);
  assertEquals([names(test), test.read("began")], [["running", "completed"], "\n"]);
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
    await using test = await start({ [kind]: `trap 'exit 0' INT; ${WAITS}` });
    await test.run("r1", { workload_uuid: "w-1" }, kind);
    await test.written("began");
    await test.ask(cancel);
    assertEquals((await test.reply("r1")).error, message);
    const [{ pid }, end, ...rest] = told(test);
    assertEquals([end, rest], [{ status, message, signal: "SIGINT", pid }, []]);
  });

  Deno.test(`a ${kind} that is cancelled before it runs is ${status}, without a pid`, async () => {
    await using test = await start({ [kind]: WAITS, open: false });
    await test.run("r1", { workload_uuid: "w-1" }, kind);
    assertEquals((await test.ask(cancel)).status, "ok");
    assertEquals((await test.reply("r1")).error, message);
    assertEquals(told(test), [{ status, message, signal: "SIGINT", pid: null }]);
  });
}

Deno.test("a workload whose shell cannot be started has failed, with a reason", async () => {
  await using test = await start({ inference: "true", open: false });
  await test.run("r1", { workload_uuid: "w-1" });
  // Its folder is in the way.
  const [{ id }] = test.journal.unfinished();
  Deno.writeTextFileSync(`${test.workloadsFolder}/${id}`, "");
  test.scheduler.open();
  const { error } = await test.reply("r1");
  assertStringIncludes(error!, "could not be started");
  assertEquals(told(test).at(-1), { status: "failed", error, failure_detail: error });
});

Deno.test("what the platform has given up is stopped, killed if need be, and told of no more", async () => {
  await using test = await start({
    inference: `trap '' TERM; echo x >>began; while :; do sleep 0.1; done`,
    cancelGrace: 0.2,
  });
  await test.run("r1", { workload_uuid: "w-1" });
  await test.written("began");
  const [{ command: { id }, process: { pid } }] = test.parts.runner.runs();
  test.scheduler.cancel({ id }, "SIGTERM", "withdrawn");
  const { error } = await test.reply("r1");
  assertEquals(error, "Command was stopped: the platform no longer wants it from this node");
  assertEquals([names(test), await isAlive(pid)], [["running"], false]);
});

Deno.test("what waits and was given up never runs", async () => {
  await using test = await start({ inference: "echo x >>began", open: false });
  await test.run("r1", { workload_uuid: "w-1" });
  const [{ id }] = test.scheduler.lanes.unfinished();
  test.scheduler.cancel({ id }, "SIGTERM", "withdrawn");
  assertEquals((await test.reply("r1")).status, "error");
  assertEquals([names(test), test.scheduler.lanes.isIdle], [[], true]);
});

Deno.test("the image of a command is a file in its folder, for its user alone", async () => {
  await using test = await start({ inference: "printf %s {body}" });
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

/** Uploads of one file for each command, which the test ends. */
class GatedUploads implements Uploads {
  readonly claimed: string[] = [];
  begun = Promise.withResolvers<void>();
  outcome = Promise.withResolvers<Awaited<ReturnType<Uploads["upload"]>>>();

  claim({ workloadUuid }: { workloadUuid: string }): number {
    this.claimed.push(workloadUuid);
    return 1;
  }

  upload(_command: unknown, signal: AbortSignal): ReturnType<Uploads["upload"]> {
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
    const uploads = new GatedUploads();
    await using test = await start({ inference: "true", uploads });
    await test.run("r1", { workload_uuid: "w-1" });
    await uploads.begun.promise;
    assertEquals(told(test).slice(1), [FINALIZING]);
    assertEquals(test.scheduler.isIdle, false);
    uploads.outcome.resolve(outcome);
    await test.idle();
    assertEquals(told(test).slice(1), [FINALIZING, end]);
  });
}

Deno.test("a node that stops in the middle of an upload leaves it to the next", async () => {
  const options = { inference: "true" };
  const [first, second] = [new GatedUploads(), new GatedUploads()];
  await using test = await start({ ...options, uploads: first });
  await test.run("r1", { workload_uuid: "w-1" });
  await first.begun.promise;
  await test.restart({ ...options, uploads: second, uploadResults: false });
  await second.begun.promise;
  await test.run("r2", { workload_uuid: "w-1" });
  assertStringIncludes((await test.reply("r2")).error!, "is under way already");
  second.outcome.resolve({ type: "uploaded" });
  await test.idle();
  assertEquals(names(test), ["running", "finalizing", "completed"]);
  await test.restart(options);
  assertEquals([names(test).length, test.scheduler.isIdle], [3, true]);
});

Deno.test("nothing is uploaded for what failed, what nobody follows, or with upload_results: false", async () => {
  const uploads = new GatedUploads();
  const options = { inference: "true", training: "false", uploads };
  await using test = await start(options);
  await test.run("r1", { workload_uuid: "w-1" }, "training");
  await test.reply("r1");
  await test.run("r2");
  await test.reply("r2");
  await test.restart({ ...options, uploadResults: false });
  await test.run("r3", { workload_uuid: "w-3" });
  await test.reply("r3");
  assertEquals(uploads.claimed, []);
  assertEquals(names(test, "w-3"), ["running", "completed"]);
});

Deno.test("a workload gets the token that came with its command, and the next one does not", async () => {
  const variables = ["API_KEY", "API_TOKEN", "MQTT_PASSWORD"].map((name) => `$CYBERWAVE_${name}`);
  await using test = await start({ inference: `echo ${variables.join(" ")}; cat {body_file}` });
  const token = 'it\'s $(a) "token"';
  const params = { cyberwave_workload_token: token, x: 1 };
  const first = await test.ask({ command: "inference", request_id: "r1", params });
  assertEquals(first.output, `${token} ${token} ${token}\n{"x":1}`);
  const second = await test.ask({ command: "inference", request_id: "r2" });
  assertEquals(second.output, "\n{}");
});

Deno.test("what waited with a token, which no restart survives, has failed and says so", async () => {
  const options = { inference: "echo x >>began", open: false };
  await using test = await start(options);
  await test.run("r1", { workload_uuid: "w-1", cyberwave_workload_token: "wt-1" });
  await test.run("r2", { cyberwave_workload_token: "wt-2" });
  await test.run("r3", {});
  await test.restart({ ...options, open: true });
  const error = "The node restarted before the workload began, and its token was not kept";
  assertEquals([(await test.reply("r1")).error, (await test.reply("r2")).error], [error, error]);
  assertEquals((await test.reply("r3")).status, "ok");
  assertEquals(told(test), [{ status: "failed", error, failure_detail: error }]);
  assertEquals(test.read("began"), "x\n");
});

Deno.test("a token that is no text harms nothing but itself", async () => {
  await using test = await start({ inference: 'echo "$CYBERWAVE_API_KEY"' });
  const params = { cyberwave_workload_token: "half \ud83d\u0000 of it\n" };
  const { output } = await test.ask({ command: "inference", request_id: "r1", params });
  assertEquals(output, "half \ufffd of it\n\n");
});

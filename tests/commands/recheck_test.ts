import { assertEquals, assertStringIncludes } from "@std/assert";
import { reasonToStop, recheck } from "../../src/commands/recheck.ts";
import { RecordingLogger } from "../support/events.ts";
import { newCommand } from "../support/journal.ts";

const OWN = ["u-1", "u-0"];
const REASONS: readonly [status: string, instance: string | undefined, why: string | undefined][] =
  [
    ["completed", "u-1", "has it as completed"],
    ["failed", "u-1", "has it as failed"],
    ["cancelled", "u-1", "has it as cancelled"],
    ["cancelled", "u-2", "has it as cancelled"],
    ["running", "u-2", "has given it to another node"],
    ["pending", "u-2", "has given it to another node"],
    ["running", "u-1", undefined],
    ["running", "u-0", undefined],
    ["finalizing", "u-1", undefined],
    ["pending", undefined, undefined],
    ["something new", "u-1", undefined],
  ];

for (const [status, instanceUuid, why] of REASONS) {
  Deno.test(`a workload that is ${status} at instance ${instanceUuid} is ${why ? "stopped" : "kept"}`, () => {
    assertEquals(reasonToStop({ status, instanceUuid }, OWN), why);
  });
}

Deno.test("a workload that the platform does not know is stopped", () => {
  assertEquals(reasonToStop(undefined, OWN), "no longer knows it");
});

Deno.test("all that the platform follows is asked about, and what it has given up is stopped", async () => {
  const logger = new RecordingLogger();
  const asked: string[] = [];
  const stopped: unknown[][] = [];
  const commands = [
    newCommand("untracked"),
    newCommand("kept", { workloadUuid: "w-kept" }),
    newCommand("gone", { workloadUuid: "w-gone" }),
    newCommand("unreachable", { workloadUuid: "w-unreachable" }),
    newCommand("moved", { workloadUuid: "w-moved", instanceUuid: "u-0" }),
    newCommand("earlier", { workloadUuid: "w-earlier", instanceUuid: "u-0" }),
  ];
  const instances = new Map([["w-kept", "u-1"], ["w-moved", "u-2"], ["w-earlier", "u-0"]]);
  await recheck(commands, "u-1", {
    directory: {
      workload(uuid) {
        asked.push(uuid);
        if (uuid === "w-unreachable") return Promise.reject(new Error("connection refused"));
        const instanceUuid = instances.get(uuid);
        return Promise.resolve(instanceUuid && { status: "running", instanceUuid } || undefined);
      },
    },
    runner: {
      cancel: (...args) => {
        stopped.push(args);
        return Promise.resolve(true);
      },
    },
    logger,
  }, new AbortController().signal);
  assertEquals(asked, ["w-kept", "w-gone", "w-unreachable", "w-moved", "w-earlier"]);
  assertEquals(stopped, [
    [commands[2], "SIGTERM", "withdrawn"],
    [commands[4], "SIGTERM", "withdrawn"],
  ]);
  assertEquals(logger.shown.length, 3);
  const unreachable = logger.shown.find((line) => line.includes("request-unreachable"))!;
  assertStringIncludes(unreachable, "connection refused; it goes on");
});

Deno.test("a node that is asked to stop stops no workload, and complains of nothing", async () => {
  const logger = new RecordingLogger();
  const stopping = new AbortController();
  const stopped: unknown[][] = [];
  await recheck(
    ["a", "b"].map((id) => newCommand(id, { workloadUuid: id })),
    "u-1",
    {
      directory: {
        workload(uuid, signal) {
          stopping.abort(new Error("stop"));
          return uuid === "a" ? Promise.reject(signal!.reason) : Promise.resolve(undefined);
        },
      },
      runner: {
        cancel: (...args) => {
          stopped.push(args);
          return Promise.resolve(true);
        },
      },
      logger,
    },
    stopping.signal,
  );
  assertEquals([stopped, logger.shown], [[], []]);
});

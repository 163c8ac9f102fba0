import { assertEquals } from "@std/assert";
import type { CommandRecord } from "../../../src/journal/record.ts";
import type { ProcessIdentity } from "../../../src/os/process_identity.ts";
import { examine } from "../../../src/executors/process/reattach.ts";
import { RecordingLogger } from "../../support/events.ts";
import { newCommand, processHandle } from "../../support/journal.ts";
import { fileWritten, HOST, Workshop } from "../../support/workshop.ts";

function running(id: string, process: ProcessIdentity): CommandRecord {
  return {
    ...newCommand(id),
    state: "running",
    acceptedAt: 0,
    startedAt: 0,
    handle: processHandle(process),
    stop: undefined,
    endedAt: undefined,
    end: undefined,
  };
}

Deno.test("what an earlier node left is looked at all at once, and each judged for itself", async () => {
  await using workshop = new Workshop({
    templates: { inference: "echo >begun; exec tail -f /dev/null", training: "exit 3" },
    size: 2,
  });
  const alive = await workshop.start();
  const ended = await workshop.run({}, { kind: "training" });
  await fileWritten(`${workshop.workFolder}/begun`);
  const identity = alive.process;
  const records = [
    running(alive.command.id, identity),
    running(ended.running.command.id, ended.running.process),
    running("reused", { ...identity, startTime: "1" }),
    running("rebooted", { ...identity, bootId: "another-boot" }),
  ];
  const found = await examine(records, workshop.workloadsFolder, HOST, workshop.logger);
  assertEquals([...found.values()], [
    { action: "attach" },
    { action: "collect", exit: { type: "exited", code: 3 } },
    { action: "requeue" },
    { action: "collect", exit: { type: "lost" } },
  ]);
  alive.stop("cancelled", "SIGKILL");
  await workshop.ended(alive);
});

Deno.test("when processes cannot be looked at, they are taken for alive", async () => {
  const logger = new RecordingLogger();
  const path = Deno.env.get("PATH")!;
  Deno.env.set("PATH", "/nonexistent");
  try {
    const record = running("c1", { pid: 1, startTime: "1", bootId: HOST.bootId });
    const found = await examine([record], "/nonexistent", HOST, logger);
    assertEquals(found.get("c1"), { action: "attach" });
  } finally {
    Deno.env.set("PATH", path);
  }
  await logger.logged("taking them for alive");
});

Deno.test("where nothing was left, nothing is looked at", async () => {
  const found = await examine([], "/nonexistent", HOST, new RecordingLogger());
  assertEquals(found.size, 0);
});

import { assertEquals } from "@std/assert";
import { CurrentIdentity } from "../../src/node/current_identity.ts";
import { snapshotOf, type SnapshotParts, statusSource } from "../../src/node/snapshot.ts";
import { FakeClock } from "../support/clock.ts";
import { Commands } from "../support/commands.ts";
import { ScriptedExecutor } from "../support/scripted.ts";

Deno.test("a snapshot shows what a node is doing, and status is a view of it", async () => {
  const clock = new FakeClock();
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", executor, clock });
  for (const id of ["r1", "r2"]) await test.run(id);
  const execution = await executor.executions.next();
  const { pid } = execution;
  const identity = new CurrentIdentity("");
  const parts: SnapshotParts = {
    ...test.parts,
    identity,
    connection: { url: "mqtt://127.0.0.1:1883", connected: true },
    executors: {
      byName: new Map([["process", executor]]),
      kinds: ["inference"],
      of: () => executor,
    },
    pool: undefined,
    journal: test.journal,
    stopping: new AbortController().signal,
    times: { startedAt: 1, connectionSince: 2 },
    gpus: undefined,
    gpuPool: undefined,
    workloadsFolder: test.workloadsFolder,
  };
  const first = snapshotOf(parts);
  assertEquals([first.identity, first.lastHeartbeat, first.isDraining], [
    undefined,
    undefined,
    false,
  ]);
  assertEquals(first.isDiskFull, false);
  identity.set({ uuid: "u-1", slug: "my-node", workspaceSlug: null, registeredAt: "" });
  test.parts.acceptor.drain();
  const { identity: named, connection, isDraining, lanes, workloads, executors } = snapshotOf(
    parts,
  );
  assertEquals([named?.slug, isDraining], ["my-node", true]);
  assertEquals(connection, { url: "mqtt://127.0.0.1:1883", isConnected: true, since: 2 });
  assertEquals(Object.keys(lanes), ["inference"]);
  assertEquals([lanes.inference?.running, lanes.inference?.queued], [1, 1]);
  assertEquals(workloads.map((workload) => [workload.requestId, workload.pid]), [["r1", pid]]);
  assertEquals(executors, { inference: { state: "ready" } });
  assertEquals(snapshotOf(parts).gpuProcesses, []);

  execution.pids = [70, 71];
  const processes = [71, 72].map((pid) => ({ pid, gpuUuid: "GPU-a", memoryUsedBytes: pid }));
  const gpus = { readings: () => ({ samples: [], processes, isSuccessful: true }) };
  const { gpuProcesses } = snapshotOf({ ...parts, gpus });
  assertEquals(gpuProcesses.map(({ pid, workload }) => [pid, workload?.requestId]), [
    [71, "r1"],
    [72, undefined],
  ]);

  const source = statusSource(snapshotOf(parts), "default", clock.now());
  assertEquals([source.slug, source.kinds, source.queued], ["my-node", ["inference"], 1]);
});

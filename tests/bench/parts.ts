/** What durability costs a command: the journal, and a shell that outlives the node. */
import { Journal } from "../../src/journal/journal.ts";
import type { ProcessIdentity } from "../../src/os/process_identity.ts";
import { systemClock } from "../../src/time.ts";
import { WorkloadFolder } from "../../src/workloads/folder.ts";
import { inspectHost } from "../../src/os/processes.ts";
import { ShellPool, type WaitingShell } from "../../src/executors/process/shell_pool.ts";
import { RecordingLogger } from "../support/events.ts";
import { forkAndExec } from "./floors.ts";
import type { Site } from "./node.ts";
import type { Result } from "./report.ts";
import { duration, interleaved } from "./sampling.ts";

const TEMPLATE = "true";

/** Measures them on their own: what they take beyond a mere fork and exec. */
export async function measureParts({ folder }: Site): Promise<Result[]> {
  const own = await Deno.makeTempDir({ dir: folder });
  const logger = new RecordingLogger();
  using journal = Journal.open(own, { clock: systemClock, logger });
  await using shells = await startShells(own, logger);
  const median = await interleaved({
    exec: () => forkAndExec(TEMPLATE),
    shell: () => shells.run(),
    journal: () => duration(() => Promise.resolve(remember(journal))),
  }, 200);
  return [
    { name: "journal: begin and end of a command", value: median.journal, unit: "ms" },
    {
      name: "detached shell against fork and exec",
      value: median.shell,
      unit: "ms",
      floor: median.exec,
    },
    {
      name: "journal and detachment add",
      value: median.journal + median.shell - median.exec,
      unit: "ms",
      goal: { of: "value", atMost: 1 },
    },
  ];
}

const PROCESS: ProcessIdentity = { pid: 4242, startTime: "123456", bootId: "boot-1" };

/** Writes down all that there is to a command. */
function remember(journal: Journal): void {
  const id = crypto.randomUUID();
  journal.accept({
    id,
    kind: "inference",
    requestId: id,
    workloadUuid: undefined,
    params: "{}",
    slug: "node",
    instanceUuid: id,
    replyTopic: `cyberwave/cloud-node/${id}/response`,
  }, { executor: "process", attempt: "1", bootId: PROCESS.bootId, process: PROCESS });
  const payload = new TextEncoder().encode(JSON.stringify({ status: "ok", request_id: id }));
  journal.end(id, { cause: "exited", exitCode: 0, bytes: 0 }, [{ topic: "response", payload }]);
}

/** Shells that wait, as in a node. `run()` tells how long one takes from its command to its end. */
async function startShells(workloadsFolder: string, logger: RecordingLogger) {
  let ready = Promise.withResolvers<void>();
  const pool = new ShellPool({
    size: 1,
    workloadsFolder,
    workFolder: workloadsFolder,
    env: Deno.env.toObject(),
    templates: { inference: TEMPLATE },
    host: await inspectHost(),
    clock: systemClock,
    logger,
    onReady: () => ready.resolve(),
  });
  async function waiting(): Promise<WaitingShell> {
    for (;;) {
      const shell = pool.take();
      if (shell !== undefined) return shell;
      ready = Promise.withResolvers();
      pool.fill();
      await ready.promise;
    }
  }
  return {
    async run(): Promise<number> {
      const shell = await waiting();
      const folder = new WorkloadFolder(`${workloadsFolder}/${crypto.randomUUID()}`);
      const env = { CYBERWAVE_PARAMS_FILE: folder.paramsFile };
      return await duration(() => {
        shell.run(folder, [{ name: "params.json", bytes: "{}" }], {
          kind: "inference",
          inlineBody: true,
          env,
        });
        return shell.exited;
      });
    },
    [Symbol.asyncDispose]: () => pool.close(),
  };
}

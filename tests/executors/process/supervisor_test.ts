import { assertEquals } from "@std/assert";
import type { Report } from "../../../src/executors/process/claim.ts";
import { Supervisor } from "../../../src/executors/process/supervisor.ts";
import type { Host } from "../../../src/os/processes.ts";
import { WorkloadFolder } from "../../../src/workloads/folder.ts";
import { HOSTS } from "../../support/executors.ts";

function supervise(folder: WorkloadFolder, host: Host): Supervisor {
  return new Supervisor({
    attempt: crypto.randomUUID(),
    folder,
    workFolder: folder.path,
    maxOutputFiles: 1024 ** 2,
    env: { PATH: Deno.env.get("PATH")! },
    host,
  });
}

for (const host of HOSTS) {
  Deno.test(`a supervisor runs an order of any size and in any script, under ${host.shell}`, async () => {
    const path = Deno.makeTempDirSync({ prefix: "cloud_node_supervisor_" });
    const folder = new WorkloadFolder(path);
    const supervisor = supervise(folder, host);
    const text = "Grüße, 世界 \u{1f916}\n".repeat(3_000);
    const source = `printf %s '${text}'; printf %s "$NAME" >&2`;
    supervisor.run({ source, env: { NAME: text }, folder }, () => {});
    await supervisor.ended;
    await supervisor.drained;
    for (const name of ["stdout.log", "stderr.log"]) {
      assertEquals(Deno.readTextFileSync(`${path}/${name}`), text);
    }
    Deno.removeSync(path, { recursive: true });
  });

  Deno.test(`a supervisor whose output has no file runs nothing, and ends, under ${host.shell}`, async () => {
    const path = Deno.makeTempDirSync({ prefix: "cloud_node_supervisor_" });
    for (const name of ["stdout.log", "stderr.log"]) Deno.mkdirSync(`${path}/${name}`);
    const folder = new WorkloadFolder(path);
    const supervisor = supervise(folder, host);
    const reports: Report[] = [];
    const source = "echo out; echo err >&2; exit 4";
    supervisor.run({ source, env: {}, folder }, (report) => reports.push(report));
    await supervisor.ended;
    await supervisor.drained;
    assertEquals(reports, []);
    Deno.removeSync(path, { recursive: true });
  });
}

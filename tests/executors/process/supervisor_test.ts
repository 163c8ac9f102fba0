import { assertEquals } from "@std/assert";
import { type Report, Supervisor } from "../../../src/executors/process/supervisor.ts";
import { WorkloadFolder } from "../../../src/workloads/folder.ts";
import { HOSTS } from "../../support/executors.ts";

for (const host of HOSTS) {
  Deno.test(`a supervisor whose output has no file runs nothing, and ends, under ${host.shell}`, async () => {
    const path = Deno.makeTempDirSync({ prefix: "cloud_node_supervisor_" });
    for (const name of ["stdout.log", "stderr.log"]) Deno.mkdirSync(`${path}/${name}`);
    const folder = new WorkloadFolder(path);
    const supervisor = new Supervisor({
      attempt: crypto.randomUUID(),
      folder,
      workFolder: path,
      maxOutputFiles: 1024 ** 2,
      env: { PATH: Deno.env.get("PATH")! },
      host,
    });
    const reports: Report[] = [];
    const source = "echo out; echo err >&2; exit 4";
    supervisor.run({ source, env: {}, folder }, (report) => reports.push(report));
    await supervisor.ended;
    await supervisor.drained;
    assertEquals(reports, []);
    Deno.removeSync(path, { recursive: true });
  });
}

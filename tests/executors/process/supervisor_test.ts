import { assertEquals } from "@std/assert";
import { Supervisor } from "../../../src/executors/process/supervisor.ts";
import { WorkloadFolder } from "../../../src/workloads/folder.ts";
import { HOSTS } from "../../support/executors.ts";

for (const host of HOSTS) {
  Deno.test(`output that has no file goes nowhere, and leaves nothing that runs, under ${host.shell}`, async () => {
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
    const codes: number[] = [];
    supervisor.run({ source: "echo out; echo err >&2; exit 4", env: {}, folder }, (report) => {
      if (report.type === "exited") codes.push(report.code);
    });
    await supervisor.ended;
    await supervisor.drained;
    assertEquals(codes, [4]);
    Deno.removeSync(path, { recursive: true });
  });
}

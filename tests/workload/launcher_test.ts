import { assertRejects } from "@std/assert";
import { WorkloadFolder } from "../../src/workload/folder.ts";
import { Launcher } from "../../src/workload/launcher.ts";
import { INNER_SCRIPT, OUTER_SCRIPT } from "../../src/workload/shim.ts";
import { HOST, SHELLS } from "../support/workshop.ts";

for (const shell of SHELLS) {
  Deno.test(`${shell}: a shell that ends before it is ready is an error, not a wait without end`, async () => {
    const cwd = Deno.makeTempDirSync();
    const launcher = launch(shell, cwd);
    const gone = new WorkloadFolder(`${cwd}/gone`);
    await assertRejects(() => launcher.start(gone.path, () => gone), Error, "before it was ready");
    await launcher.close();
    Deno.removeSync(cwd);
  });

  Deno.test(`${shell}: a launcher that has ended meanwhile says so`, async () => {
    const cwd = Deno.makeTempDirSync();
    const launcher = launch(shell, cwd);
    await launcher.close();
    const folder = new WorkloadFolder(cwd);
    await assertRejects(() => launcher.start(cwd, () => folder), Error, "has ended");
    Deno.removeSync(cwd);
  });
}

function launch(shell: "bash" | "sh", cwd: string): Launcher {
  return new Launcher({
    host: { ...HOST, shell },
    cwd,
    env: { PATH: Deno.env.get("PATH")! },
    args: [OUTER_SCRIPT, INNER_SCRIPT, shell, shell === "sh" ? "own" : "", cwd, "true"],
  });
}

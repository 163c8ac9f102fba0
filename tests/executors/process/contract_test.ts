import { ProcessExecutor } from "../../../src/executors/process/process_executor.ts";
import { systemClock } from "../../../src/time.ts";
import { HOSTS } from "../../support/executors.ts";
import { testExecutor } from "../contract.ts";
import { TEMPLATES } from "../shell_commands.ts";

/** Supervisors that wait, and none. */
const SPARES = [0, 2];

for (const host of HOSTS) {
  for (const count of SPARES) {
    const name = `process under ${host.shell}${count > 0 ? ", with spare supervisors" : ""}`;
    testExecutor(name, ({ workFolder, workloadsFolder, logger }) =>
      new ProcessExecutor({
        templates: { ...TEMPLATES },
        env: { PATH: Deno.env.get("PATH")! },
        workFolder,
        host,
        clock: systemClock,
        logger,
        spares: { workloadsFolder, count },
      }));
  }
}

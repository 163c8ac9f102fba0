import { ProcessExecutor } from "../../../src/executors/process/process_executor.ts";
import { systemClock } from "../../../src/time.ts";
import { HOSTS } from "../../support/executors.ts";
import { type ContractCommands, testExecutor } from "../contract.ts";

/** Sets `file` to the string that the params are. */
const FILE = `file={body}; file=\${file#\\"}; file=\${file%\\"}`;

/** Writes the pid, all at once. */
const TELL = `${FILE}; echo $$ >"$file.new"; mv "$file.new" "$file"`;

const templates: ContractCommands = {
  echo: "printf %s {body}",
  failure: "echo sorry >&2; exit 3",
  bytes: "printf '\\377\\n\\0\\n'",
  much: "head -c 20000000 /dev/zero",
  wait: `${TELL}; exec tail -f /dev/null`,
  stubborn: `trap '' TERM; ${TELL}; exec tail -f /dev/null`,
  until: `${TELL}; until [ -f "\${file%/*}/go" ]; do sleep 0.02; done; echo done`,
};

/** Supervisors that wait, and none. */
const SPARES = [0, 2];

for (const host of HOSTS) {
  for (const count of SPARES) {
    const name = `process under ${host.shell}${count > 0 ? ", with spare supervisors" : ""}`;
    testExecutor(name, ({ workFolder, workloadsFolder, logger }) =>
      new ProcessExecutor({
        templates: { ...templates },
        env: { PATH: Deno.env.get("PATH")! },
        workFolder,
        host,
        clock: systemClock,
        logger,
        spares: { workloadsFolder, count },
      }));
  }
}

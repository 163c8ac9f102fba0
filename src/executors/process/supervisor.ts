/**
 * The supervisor of a workload: a small shell, in a session of its own, that claims the attempt, runs
 * the template and writes down its exit code, whether there still is a node or not.
 *
 * @module
 */
import { becomeCommand, invocation, type ShellCommand } from "../../os/child_environment.ts";
import { OS } from "../../os/current.ts";
import type { Host } from "../../os/processes.ts";
import { inOwnSession } from "../../os/session.ts";
import type { WorkloadFolder } from "../../workloads/folder.ts";
import { LineSplitter } from "../../workloads/line_splitter.ts";
import { parseProcess } from "./claim.ts";
import { PUMP, pumpSizes } from "./pump.ts";

/** What a supervisor is started with. */
export interface SupervisorOptions extends ShellCommand {
  /** The node's own id for the command. */
  readonly id: string;
  readonly attempt: string;
  readonly folder: WorkloadFolder;
  /** Where the template runs. */
  readonly workFolder: string;
  /** How many bytes each stream of output may take on disk. */
  readonly maxOutputFiles: number;
}

/** What the workload's processes have in their environment, and nothing else has. */
export const ATTEMPT_VARIABLE = "CYBERWAVE_ATTEMPT";

/** What its supervisor has in the environment, and what that starts for itself: the attempt as well. */
export const CLAIM_VARIABLE = "cloud_node_claim";

/** The variables of the script itself. */
const OWN = [
  CLAIM_VARIABLE,
  "cloud_node_output",
  "cloud_node_block",
  "cloud_node_head",
  "cloud_node_segment",
  "cloud_node_stat",
  "cloud_node_code",
];

/** Opens descriptors 4 and 5, which end in pumps. None of these keeps the other's open. */
const OPEN_PUMPS: Readonly<Record<Host["shell"], string>> = {
  bash: `
exec 4> >(exec 8>&-; cloud_node_pump "$cloud_node_output/stdout") \\
  5> >(exec 4>&- 8>&-; cloud_node_pump "$cloud_node_output/stderr")`,
  // To open both ends at once waits for nobody; then each end is opened by itself.
  sh: `
set -- "$cloud_node_output/stdout.pipe" "$cloud_node_output/stderr.pipe"
mkfifo "$@"
exec 4<>"$1" 5<>"$2" 6<"$1" 7<"$2" 4>"$1" 5>"$2"
rm "$@"
(exec 4>&- 5>&- 6<&- 7<&- 8>&-; cloud_node_pump "$cloud_node_output/stdout") <&6 &
(exec 4>&- 5>&- 6<&- 7<&- 8>&-; cloud_node_pump "$cloud_node_output/stderr") <&7 &
exec 6<&- 7<&-`,
};

/**
 * The supervisor's script. It reports on descriptor 3, which the pumps hold, too: that ends when all
 * output is in its file. The traps let a signal to the whole group reach the workload and leave this
 * shell to report its end; a program that is run gets back what they were before. A node that has
 * ended reads no report: that must not end this shell, least of all between claim and template.
 */
const script = (shell: Host["shell"]) => `
trap : HUP INT QUIT TERM USR1 USR2 ALRM
umask 077
${OS.processes.ownStat}
set -C
exec 8>"$cloud_node_output/claim-$cloud_node_claim" || exit
set +C
printf '%s %s\\n' "$$" "$cloud_node_stat" >&8 || exit
exec 3>&1 >/dev/null
trap '' PIPE
printf 'begun %s %s\\n' "$$" "$cloud_node_stat" >&3
trap - PIPE
${PUMP}${OPEN_PUMPS[shell]}
(${becomeCommand(">&4 2>&5 3>&- 4>&- 5>&- 8>&-", OWN)})
cloud_node_code=$?
trap '' PIPE
printf 'exited %s\\n' "$cloud_node_code" >&8
printf 'exited %s\\n' "$cloud_node_code" >&3 || sync "$cloud_node_output/claim-$cloud_node_claim"
exit 0
`;

const SCRIPTS: Readonly<Record<Host["shell"], string>> = { bash: script("bash"), sh: script("sh") };

/** What a supervisor reports. */
export type Report =
  | { readonly type: "begun"; readonly pid: number; readonly startTime: string }
  | { readonly type: "exited"; readonly code: number };

/** A supervisor that was started. */
export class Supervisor {
  readonly #child: Deno.ChildProcess;
  readonly #output: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  /** Resolves when it has ended, with the signal that ended it. */
  readonly ended: Promise<string | undefined>;
  /** Resolves when it has ended and all output of the workload is in its files. */
  readonly drained: Promise<void>;

  /** Starts one. Throws when no shell can be run. */
  constructor(options: SupervisorOptions, onReport: (report: Report) => void) {
    const { id, attempt, folder, workFolder, maxOutputFiles, host, env } = options;
    const { block, head, segment } = pumpSizes(maxOutputFiles);
    const marked = { ...options, env: { ...env, [ATTEMPT_VARIABLE]: attempt } };
    const { command, ...spawned } = inOwnSession(invocation(marked, SCRIPTS[host.shell], {
      name: ["cyberwave-workload", id],
      variables: {
        [CLAIM_VARIABLE]: attempt,
        cloud_node_output: folder.path,
        cloud_node_block: String(block),
        cloud_node_head: String(head),
        cloud_node_segment: String(segment),
      },
    }));
    this.#child = new Deno.Command(command, {
      ...spawned,
      cwd: workFolder,
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#output = this.#child.stdout.getReader();
    this.ended = this.#child.status.then(({ signal }) => signal ?? undefined);
    this.drained = this.#listen(onReport);
  }

  /** Its process, which leads the session. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Stops listening to it: it goes on without the node. */
  leave(): void {
    this.#child.unref();
    this.#output.cancel().catch(() => {});
  }

  async #listen(onReport: (report: Report) => void): Promise<void> {
    const lines = new LineSplitter((line) => {
      const report = parseReport(line);
      if (report !== undefined) onReport(report);
    });
    try {
      for (;;) {
        const { done, value } = await this.#output.read();
        if (done) return;
        lines.push(value);
      }
    } catch {
      // A pipe that cannot be read says no more than one that has ended.
    }
  }
}

/** What a line of a supervisor says. */
export function parseReport(line: string): Report | undefined {
  const [, what, rest] = /^(begun|exited) (.*)$/.exec(line) ?? [];
  if (what === "exited") return { type: "exited", code: Number(rest) };
  const process = what === "begun" ? parseProcess(rest!) : undefined;
  return process && { type: "begun", ...process };
}

/**
 * The script of what runs a template: it claims the attempt, copies output into files, and writes down
 * the exit code. A supervisor runs it on this computer, a job of a cluster on another one.
 *
 * @module
 */
import { becomeCommand } from "../../os/child_environment.ts";
import { OS } from "../../os/current.ts";
import type { Host } from "../../os/processes.ts";
import { SIGKILL_CODE } from "../exit_code.ts";
import { COUNT_KILLS, COUNT_VARIABLES, COUNTER_VARIABLE } from "./oom_kills.ts";
import { PUMP, pumpSizes } from "./pump.ts";
import { USAGE, USAGE_VARIABLES } from "./usage.ts";

/** Set in the environment of the workload's processes, and of nothing else. */
export const ATTEMPT_VARIABLE = "CYBERWAVE_ATTEMPT";

/** What its supervisor has in the environment, and what that starts for itself: the attempt as well. */
export const CLAIM_VARIABLE = "cloud_node_claim";

/** The variables of the script itself. */
const OWN = [
  CLAIM_VARIABLE,
  "cloud_node_output",
  "cloud_node_place",
  "cloud_node_pumps",
  "cloud_node_each",
  "cloud_node_block",
  "cloud_node_head",
  "cloud_node_segment",
  "cloud_node_stat",
  "cloud_node_code",
  "cloud_node_line",
  "cloud_node_size",
  "cloud_node_newline",
  "cloud_node_more",
  "cloud_node_before",
  "cloud_node_oom",
  ...COUNT_VARIABLES,
  ...USAGE_VARIABLES,
];

/**
 * Opens descriptors 4 and 5, which end in pumps. Neither keeps the other's pipe open. They start in
 * the workload's folder and stay there, whatever it is called later.
 */
const OPEN_PUMPS: Readonly<Record<Host["shell"], string>> = {
  bash: `
exec 9>>stdout.log || exit
exec 4> >(cloud_node_pump stdout)
cloud_node_pumps=$!
exec 9>>stderr.log || exit
exec 5> >(exec 4>&-; cloud_node_pump stderr)
cloud_node_pumps="$cloud_node_pumps $!"`,
  // Descriptors 6 and 7 let a pipe be opened for writing before its pump reads from it.
  sh: `
exec 9>>stdout.log 8>>stderr.log || exit
mkfifo stdout.pipe stderr.pipe
exec 6<>stdout.pipe 7<>stderr.pipe 4>stdout.pipe 5>stderr.pipe
(exec 4>&- 5>&- 6>&- 7>&- 8>&-; rm stdout.pipe && cloud_node_pump stdout) <stdout.pipe &
cloud_node_pumps=$!
(exec 4>&- 5>&- 6>&- 7>&- 9>&8 8>&-; rm stderr.pipe && cloud_node_pump stderr) <stderr.pipe &
cloud_node_pumps="$cloud_node_pumps $!"`,
};

/** The variables that tell a script where its files are, and how much output they may take. */
export function scriptVariables(
  { attempt, output, place, maxOutputFiles, oomKillCounter }: ScriptPlace,
): Record<string, string> {
  const { block, head, segment } = pumpSizes(maxOutputFiles);
  return {
    [CLAIM_VARIABLE]: attempt,
    [COUNTER_VARIABLE]: oomKillCounter ?? "",
    cloud_node_output: output,
    cloud_node_place: place,
    cloud_node_block: String(block),
    cloud_node_head: String(head),
    cloud_node_segment: String(segment),
  };
}

/** Where a script runs what. */
interface ScriptPlace {
  readonly attempt: string;
  /** The workload's folder. */
  readonly output: string;
  /** Where the template runs. */
  readonly place: string;
  /** How many bytes each stream of output may take on disk. */
  readonly maxOutputFiles: number;
  readonly oomKillCounter: string | undefined;
}

/** What is particular to who runs the script. */
interface ScriptParts {
  /** Sets the variables that say what to run. Output can be written by then. */
  readonly orders: string;
  /** Says what the workload's exit code is and that all output is on its way. */
  readonly end: string;
}

/**
 * The script. It opens the files of the output, takes its orders, and enters the template's folder no
 * sooner: that may be another one by then. Without its pumps it runs nothing. It reports on descriptor
 * 3, which the pumps hold, too: that ends when all output is in its file. The traps let a signal to the
 * whole group reach the workload and leave this shell to report its end; a program that is run gets
 * back what they were before. Nobody may be left who reads a report: that must not end this shell,
 * least of all between claim and template. Whether the kernel killed meanwhile is looked at after
 * SIGKILL alone, and a line of its own in the claim, after that which earlier versions read.
 */
export function supervisorScript(shell: Host["shell"], { orders, end }: ScriptParts): string {
  return `
trap : HUP INT QUIT TERM USR1 USR2 ALRM
trap '' PIPE
umask 077
cloud_node_newline='
'
exec 3>&1 >/dev/null
cd "$cloud_node_output" || exit
${PUMP}${COUNT_KILLS}${USAGE}${OPEN_PUMPS[shell]}
exec 8>&- 9>&-
${orders}
cd "$cloud_node_place" || exit
${shell === "sh" ? "# It learns of children that have ended when it waits for one.\n(:)" : ""}
for cloud_node_each in $cloud_node_pumps; do kill -s 0 "$cloud_node_each" || exit; done
${OS.processes.ownStat}
cloud_node_count_kills
cloud_node_before=$cloud_node_kills
set -C
exec 8>"$cloud_node_output/claim-$cloud_node_claim" || exit
set +C
printf '%s %s\\n' "$$" "$cloud_node_stat" >&8 || exit
printf 'begun %s %s\\n' "$$" "$cloud_node_stat" >&3
cloud_node_begin_usage
(trap - PIPE
${becomeCommand(">&4 2>&5 3>&- 4>&- 5>&- 6>&- 7>&- 8>&-", OWN)})
cloud_node_code=$?
cloud_node_end_usage
exec 4>&- 5>&- 6>&- 7>&-
cloud_node_oom=
if [ "$cloud_node_code" = ${SIGKILL_CODE} ]; then
  cloud_node_count_kills
  [ "$cloud_node_kills" -gt "$cloud_node_before" ] && cloud_node_oom=oom_kill
fi
${end}
`;
}

/** Writes the exit code and what the workload has used into the claim. */
export const WRITE_EXIT = `
printf 'exited %s\\n%s' "$cloud_node_code" "\${cloud_node_oom:+oom_kill$cloud_node_newline}" >&8
cloud_node_print_usage >&8`;

/**
 * The supervisor of a worker: a small shell, in a session of its own, that outlives the node, holds the
 * worker's standard input open, and ends the worker when nobody wants it any more.
 *
 * @module
 */
import { becomeCommand } from "../../os/child_environment.ts";
import { OS } from "../../os/current.ts";
import type { Host } from "../../os/processes.ts";
import { ATTEMPT_VARIABLE, CLAIM_VARIABLE } from "../process/supervisor_script.ts";

/** Set in the environment of a worker's processes: the same variable that marks those of workloads. */
export const WORKER_VARIABLE = ATTEMPT_VARIABLE;

/** The files of a worker, in its folder. */
export const FILES = {
  /** The folder of those that the node watches: what watches must not come across a pipe. */
  log: "log",
  /** A pipe: the worker's standard input. */
  input: "in",
  /** A pipe that the node holds open while it is there, and in which it asks to end the worker. */
  lease: "lease",
  /** A pipe that the supervisor alone holds open: nobody can write into it when that has ended. */
  alive: "alive",
  /** The pipes from which the pumps copy what it writes. */
  outputPipe: "out.pipe",
  errorPipe: "err.pipe",
  /** What the worker writes to standard output. */
  output: "log/out.log",
  /** What it writes to standard error. */
  errors: "log/err.log",
  /** The supervisor's pid and start time. */
  process: "process",
  /** The worker's exit code, once it has ended. */
  exit: "log/exit",
  /** What the node has handed over. */
  handed: "handed",
  /** Which worker this is. */
  record: "life.json",
} as const;

/** What a node writes into the lease when it comes. */
export const HERE = "node\n";

/** What asks for the end. */
export const END = "end\n";

const OWN = [
  "cloud_node_folder",
  "cloud_node_place",
  "cloud_node_keep",
  "cloud_node_unload",
  "cloud_node_first",
  CLAIM_VARIABLE,
  "cloud_node_stat",
  "cloud_node_code",
  "cloud_node_keeper",
  "cloud_node_pumps",
];

const { input, lease, alive, outputPipe, errorPipe } = FILES;
const PIPES = [input, lease, alive, outputPipe, errorPipe].join(" ");

/** What may still run a moment after SIGTERM is killed. */
const TERM_SECONDS = 2;

/**
 * The script. The keeper holds the worker's input open. It reads the lease: at its end, when the node
 * has gone, a timer starts that asks for the end itself, unless a node comes before. The keeper then
 * closes the input, waits, asks with SIGTERM and kills. Output goes through pumps, since a worker's
 * children may truncate what they open as /dev/stdout. Whatever carries the worker's mark is killed
 * when the worker has ended: what survives it holds its GPU.
 */
export function workerScript(shell: Host["shell"]): string {
  return `
trap : HUP INT QUIT TERM USR1 USR2 ALRM
trap '' PIPE
umask 077
cd "$cloud_node_folder" || exit
mkfifo ${PIPES} || exit

cloud_node_holding() {
  ${OS.processes.holding || ":"}
}
# What the supervisor has started for itself holds its claim as well.
cloud_node_signal() {
  cloud_node_own=" $(cloud_node_holding "${CLAIM_VARIABLE}=$${CLAIM_VARIABLE}" | tr '\\n' ' ') "
  for cloud_node_each in $(cloud_node_holding "${WORKER_VARIABLE}=$${CLAIM_VARIABLE}"); do
    case $cloud_node_own in *" $cloud_node_each "*) continue ;; esac
    cloud_node_each=\${cloud_node_each#/proc/}
    kill -s "$1" "\${cloud_node_each%%/*}"
  done 2>/dev/null
}
# Without its pump a worker goes on, and what it answers is lost.
cloud_node_pump() {
  cat <"$1" >>"$2" 2>/dev/null || cloud_node_signal KILL
}
cloud_node_timer() {
  trap 'kill "$cloud_node_sleep" 2>/dev/null; exit' TERM
  exec 7<>${FILES.lease}
  sleep "$1" & cloud_node_sleep=$!
  wait "$cloud_node_sleep"
  # Somebody has removed the folder: without a keeper the worker's input ends.
  printf '${END.trim()}\\n' >&7 || exec sh -c 'kill -s KILL "$PPID"'
}
cloud_node_keep_open() {
  trap '' HUP INT QUIT USR1 USR2 ALRM
  trap 'kill "$cloud_node_clock" 2>/dev/null; exit' TERM
  exec 9<>${FILES.input}
  cloud_node_wait=$cloud_node_first
  while :; do
    cloud_node_word=
    cloud_node_timer "$cloud_node_wait" & cloud_node_clock=$!
    cloud_node_wait=$cloud_node_keep
    [ -p ${FILES.lease} ] && exec 8<${FILES.lease} || break
    IFS= read -r cloud_node_word <&8
    if [ "$cloud_node_word" = ${HERE.trim()} ]; then
      kill "$cloud_node_clock" 2>/dev/null
      # A node that comes before the end of the one before it was seen says the same.
      while [ "$cloud_node_word" = ${HERE.trim()} ]; do
        cloud_node_word=
        IFS= read -r cloud_node_word <&8
      done
    fi
    exec 8<&-
    [ "$cloud_node_word" != ${END.trim()} ] || break
  done
  exec 9<&-
  sleep "$cloud_node_unload" & cloud_node_clock=$!
  wait "$cloud_node_clock"
  cloud_node_signal TERM
  sleep ${TERM_SECONDS}
  cloud_node_signal KILL
}

exec 6<>${FILES.alive}
cloud_node_pump ${FILES.outputPipe} ${FILES.output} 6<&- & cloud_node_pumps=$!
cloud_node_pump ${FILES.errorPipe} ${FILES.errors} 6<&- & cloud_node_pumps="$cloud_node_pumps $!"
cloud_node_keep_open </dev/null 6<&- & cloud_node_keeper=$!
${OS.processes.ownStat}
printf '%s %s\\n' "$$" "$cloud_node_stat" >${FILES.process}.new &&
  mv ${FILES.process}.new ${FILES.process} || exit
(exec <${FILES.input} >${FILES.outputPipe} 2>${FILES.errorPipe} 6<&-
trap - PIPE
cd "$cloud_node_place" || exit
${shell === "sh" ? "(:)" : ""}
${becomeCommand("", OWN)})
cloud_node_code=$?
cloud_node_signal KILL
for cloud_node_each in $cloud_node_pumps; do wait "$cloud_node_each"; done
# The keeper may be waiting for a node, its timer for its time.
kill -s KILL "$cloud_node_keeper" 2>/dev/null
for cloud_node_each in $(cloud_node_holding "${CLAIM_VARIABLE}=$${CLAIM_VARIABLE}"); do
  cloud_node_each=\${cloud_node_each#/proc/}
  cloud_node_each=\${cloud_node_each%%/*}
  [ "$cloud_node_each" = $$ ] || kill -s KILL "$cloud_node_each"
done 2>/dev/null
printf '%s\\n' "$cloud_node_code" >${FILES.exit}.new && mv ${FILES.exit}.new ${FILES.exit}
rm -f ${PIPES}
exit 0
`;
}

/**
 * The shell scripts around a workload, and how a command is handed to them.
 *
 * Two shells wait for each command to come. The outer one leads the process group and outlives the
 * workload, to write down its exit code even when the node is gone. The inner one becomes the
 * workload: started beforehand, it costs the command no fork and no exec, and `$$`, traps and
 * `exec` mean in it what they mean under `bash -c`. Both are forked by a launcher, a shell in a
 * session of its own, which spares the node most of the work.
 *
 * @module
 */
import { PLATFORM } from "../platform/current.ts";
import type { WorkloadKind } from "../protocol/kinds.ts";
import { WORKLOAD_KINDS } from "../protocol/kinds.ts";

/** Above this many bytes `{body}` is a path: Linux refuses one argument over 128 KiB. */
export const MAX_INLINE_BODY = 100_000;

/**
 * What stands in the exit file while the workload runs. Its end overwrites it in place, which
 * needs no new block and so works on a full disk. Its presence says that the workload began.
 */
const BEGUN = "................";

/**
 * Defines the outer shell of a workload, which leads its process group. It runs the inner one, and
 * tells on descriptor 3 who it is and then how that ended.
 * The trap lets a signal to the whole group reach the workload and leaves this shell to tell of it.
 * The workload's own shell may die of that signal at once while what it started does not: this one
 * stays until all of the group is gone, so that it can still be found, and killed.
 */
const OUTER_SHELL = `
cloud_node_group_lives() {
${PLATFORM.processes.groupLives}
}
cloud_node_workload() {
  signalled=
  trap signalled=1 TERM INT HUP
  ${PLATFORM.processes.ownStat}
  printf 'ready %s %s\\n' "$pid" "$stat" >&3
  [ "$signalled" ] && exit
  "$shell" -c "$script" "$shell" "$umask" "$@" 3>&-
  code=$?
  while [ "$signalled" ] && cloud_node_group_lives; do sleep 0.1 || sleep 1; done
  [ -s exit ] && printf '%s\\n' "$code" 1<>exit && printf 'exited %s\\n' "$code" >&3
  exit "$code"
}
`;

/** What all launchers begin with. Arguments: the workload's shell, the inner script, its arguments. */
const PROLOGUE = `${OUTER_SHELL}
umask=$(umask)
shell=$1 script=$2
shift 2
exec 3>&1 >/dev/null
`;

/**
 * The launcher where there is bash: for each folder named on standard input it forks the shells of
 * one workload, in a process group of their own, and tells when they are gone. Forking itself takes
 * bash a fraction of what starting another program takes.
 */
const BASH_LAUNCHER = `${PROLOGUE}
while IFS= read -r folder; do
  # What was meant for shells that were killed meanwhile is no folder.
  case $folder in /*) ;; *) continue ;; esac
  set -m
  (set +m; cd "$folder" && cloud_node_workload "$@") &
  # With job control on, wait would also return when the workload is merely stopped.
  set +m
  wait $!
  printf 'gone %s\\n' "$?" >&3
done
`;

/** The launcher where there is none: it becomes the outer shell of one workload. */
const SH_LAUNCHER = `${PROLOGUE}
IFS= read -r folder && cd "$folder" && cloud_node_workload "$@"
`;

/** The script of a launcher under each shell. */
export const LAUNCHERS: Readonly<Record<"bash" | "sh", string>> = {
  bash: BASH_LAUNCHER,
  sh: SH_LAUNCHER,
};

/**
 * Arguments: the umask, the folder to work in, the templates. Waits for one line on standard input.
 * A node that dies closes it, and then there is nothing to do.
 */
export const INNER_SCRIPT = `
cloud_node_newline='
'
IFS= read -r cloud_node_line || exit 0
umask 077
printf ${BEGUN} >exit && exec >stdout.log 2>stderr.log </dev/null || exit 1
umask "$1"
cd "$2" || exit 1
eval "$cloud_node_line"
unset cloud_node_line cloud_node_newline
set --
eval "$cloud_node_template"
`;

/** The line break that a line of input cannot hold. */
const NEWLINE = `"$cloud_node_newline"`;

/** `value` as one shell word on one line. NUL, which no variable can hold, is dropped. */
function shellWord(value: string): string {
  const escaped = value.replaceAll("\0", "").replaceAll("'", `'\\''`);
  return `'${escaped.replaceAll("\n", `'${NEWLINE}'`)}'`;
}

/** A command for the waiting shells. */
export interface ShellCommand {
  /** Which template to run. */
  readonly kind: WorkloadKind;
  /** Whether `{body}` is the params themselves rather than their file's path. */
  readonly inlineBody: boolean;
  /** Variables for the workload's environment. */
  readonly env: Readonly<Record<string, string>> & { readonly CYBERWAVE_PARAMS_FILE: string };
}

/** The line that makes the waiting shells run a command. */
export function commandLine({ kind, inlineBody, env }: ShellCommand): string {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${shellWord(value)}`);
  return [
    `export ${variables.join(" ")}`,
    inlineBody
      ? `IFS= read -r cloud_node_body <"$CYBERWAVE_PARAMS_FILE"`
      : `cloud_node_body=$CYBERWAVE_PARAMS_FILE`,
    `cloud_node_template=\${${3 + WORKLOAD_KINDS.indexOf(kind)}}`,
  ].join("; ") + "\n";
}

/**
 * A template as shell source. The params stand in it as the expansion of a variable and are never
 * source themselves, so that nothing in them can be taken for syntax.
 */
export function shellSource(template: string): string {
  return template
    .replaceAll("{body}", `"$cloud_node_body"`)
    .replaceAll("{body_file}", `"$CYBERWAVE_PARAMS_FILE"`);
}

/** The exit code in the text of an exit file; `begun` while there is none; else `undefined`. */
export function parseExitFile(text: string): number | "begun" | undefined {
  const code = /^(\d{1,3})\n/.exec(text)?.[1];
  if (code !== undefined) return Number(code);
  return text === "" ? undefined : "begun";
}

/**
 * The shell scripts around a workload, and how a command is handed to them.
 *
 * Two shells wait for each command to come. The outer one leads the process group and outlives the
 * workload, to write down its exit code even when the node is gone. The inner one becomes the
 * workload: `$$`, traps and `exec` mean in it what they mean under `bash -c`. Both are started
 * beforehand, so that they cost the command no time, and forked by a launcher, a shell in a session
 * of its own, which spares the node most of the work.
 *
 * @module
 */
import { OS } from "../../os/current.ts";
import type { WorkloadKind } from "../../protocol/kinds.ts";
import { WORKLOAD_KINDS } from "../../protocol/kinds.ts";

/** Above this many bytes `{body}` is a path: Linux refuses one argument over 128 KiB. */
export const MAX_INLINE_BODY = 100_000;

/**
 * What stands in the exit file while the workload runs. Its end overwrites it in place, which
 * needs no new block and so works on a full disk. Its presence says that the workload began.
 */
const BEGUN = "................";

/**
 * What all launchers begin with. Arguments: the scripts of the outer and the inner shell, the
 * workload's shell, whether the inner one must be a program of its own (or nothing), and what the
 * inner script takes. Variables may be the environment's: all names here are unlike others.
 */
const PROLOGUE = `
cloud_node_group_lives() {
${OS.processes.groupLives}
}
cloud_node_umask=$(umask)
cloud_node_outer=$1 cloud_node_inner=$2 cloud_node_shell=$3 cloud_node_own=$4
shift 4
exec 3>&1 >/dev/null
`;

/**
 * The launcher where there is bash: for each folder named on standard input it forks the shells of
 * one workload, in a process group of their own, and tells when they are gone. Forking itself takes
 * bash a fraction of what starting another program takes.
 */
const BASH_LAUNCHER = `${PROLOGUE}
cloud_node_status=0
while [ "$cloud_node_status" = 0 ] && IFS= read -r cloud_node_folder; do
  set -m
  (set +m; cd "$cloud_node_folder" && eval "$cloud_node_outer") &
  # With job control on, wait would also return when the workload is merely stopped.
  set +m
  wait $!
  cloud_node_status=$?
  printf 'gone %s\\n' "$cloud_node_status" >&3
done
`;

/** The launcher where there is none: it becomes the outer shell of one workload. */
const SH_LAUNCHER = `${PROLOGUE}
IFS= read -r cloud_node_folder && cd "$cloud_node_folder" && eval "$cloud_node_outer"
`;

/** The script of a launcher under each shell. */
export const LAUNCHERS: Readonly<Record<"bash" | "sh", string>> = {
  bash: BASH_LAUNCHER,
  sh: SH_LAUNCHER,
};

/**
 * The outer shell of a workload, which leads its process group. It runs the inner one, and tells on
 * descriptor 3 who it is and then how that ended.
 * The trap lets a signal to the whole group reach the workload and leaves this shell to tell of it.
 * The workload's own shell may die of that signal at once while what it started does not: this one
 * stays until all of the group is gone, so that it can still be found, and killed.
 */
export const OUTER_SCRIPT = `
cloud_node_signalled=
trap cloud_node_signalled=1 TERM INT HUP
${OS.processes.ownStat}
printf 'ready %s %s\\n' "$cloud_node_pid" "$cloud_node_stat" >&3
[ "$cloud_node_signalled" ] && exit 1
if [ "$cloud_node_own" ]; then
  "$cloud_node_shell" -c "$cloud_node_inner" "$cloud_node_shell" "$cloud_node_umask" "$@" 3>&-
else
  # A shell of its own would know nothing of the traps above.
  (exec 3>&-; trap - TERM INT HUP; SECONDS=0
    set -- "$cloud_node_umask" "$@"; eval "$cloud_node_inner")
fi
cloud_node_code=$?
while [ "$cloud_node_signalled" ] && cloud_node_group_lives; do sleep 0.1 || sleep 1; done
[ -s exit ] && printf '%s\\n' "$cloud_node_code" 1<>exit &&
  printf 'exited %s\\n' "$cloud_node_code" >&3 && exit
exit "$cloud_node_code"
`;

/**
 * The inner shell, which becomes the workload. Arguments: the umask, the folder to work in, the
 * templates. Waits for one line on standard input. A node that dies closes it, and then there is
 * nothing to do.
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
unset cloud_node_line cloud_node_newline cloud_node_umask cloud_node_outer cloud_node_inner \\
  cloud_node_shell cloud_node_own cloud_node_folder cloud_node_signalled cloud_node_pid \\
  cloud_node_stat cloud_node_status OLDPWD
unset -f cloud_node_group_lives
set --
eval "$cloud_node_template"
`;

/** What in a template can tell a shell that was forked from one that was started for it. */
const TELLING: readonly RegExp[] = [
  // Process ids and counts that a forked one inherits.
  /\$\$|\$\{\$|PPID|BASHPID|BASH_SUBSHELL|SHLVL/,
  // Jobs by their names: a forked one would take them for process groups, and signal itself.
  /\b(kill|wait|fg|bg|disown)\b.*%/,
  // A variable that has to be set and is not: it ends with another code.
  /\bset\b.*(-\w*u|nounset)|\$\{\w+:?\?/,
  // Source that is not here may hold any of this; what activates a Python environment does not.
  /(^|[\s;&|({])(eval\s|(\.|source)\s+(?!\S*bin\/activate\b))/,
];

/**
 * Whether a template can tell a shell that was forked from one that was started for it. Starting it
 * takes several times as long.
 */
export function needsOwnShell(template: string): boolean {
  return TELLING.some((pattern) => pattern.test(template));
}

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

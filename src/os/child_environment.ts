/**
 * Runs a shell command with an environment, through a shell that must not be changed by it.
 *
 * Any variable may mean something to a shell (`SHELLOPTS`, `TMOUT`, `IFS`) or to the programs it
 * runs (`LD_PRELOAD`, `PATH`), and Deno with scoped permissions hands no `LD_*` on. So the first
 * shell gets each variable as the value of a numbered one, and exports it where the command begins.
 *
 * @module
 */
import type { Host } from "./processes.ts";
import { shellEnvironment } from "./shell_environment.ts";

/** What starts a program: the arguments of `Deno.Command`. */
export interface Invocation {
  /** The program. */
  readonly command: string;
  /** Its arguments. */
  readonly args: string[];
  /** Its environment. */
  readonly env: Record<string, string>;
  /** Always: what is not in `env` is not handed on. */
  readonly clearEnv: true;
}

/** A shell command and what it is run with. */
interface ShellCommand {
  /** What `bash -c`, or `sh -c` where there is no bash, is to run. */
  readonly source: string;
  /** The environment of the command. */
  readonly env: Readonly<Record<string, string>>;
  readonly host: Host;
}

/** Variables of the first shell begin with this. The command never sees one. */
const PREFIX = "cloud_node_";

/**
 * Starts a shell that runs `script`, in which {@linkcode becomeCommand} stands where the command
 * begins. `variables` are the script's own, with names that begin with `cloud_node_`; `name` is what
 * lists of processes show.
 */
export function invocation(
  { source, env, host }: ShellCommand,
  script: string,
  { name, variables = {} }: { name: readonly string[]; variables?: Record<string, string> },
): Invocation {
  const { shell, shellPath, umask, openFiles, ignoresHangup } = host;
  const { variables: values, exports, assignments } = holdEnvironment(env);
  const own = {
    script,
    source,
    shell,
    shell_path: shellPath,
    umask,
    files: String(openFiles ?? ""),
    hangup: ignoresHangup ? "ignored" : "",
    export: exports,
    assign: assignments,
  };
  return {
    command: shell,
    // -p: bash reads no exported function as its own, and no options from the environment.
    args: [...(shell === "bash" ? ["-p"] : []), "-c", 'eval "$cloud_node_script"', ...name],
    env: {
      ...shellEnvironment(),
      ...values,
      ...Object.fromEntries(Object.entries(own).map(([key, value]) => [PREFIX + key, value])),
      ...variables,
    },
    clearEnv: true,
  };
}

/**
 * Shell source that replaces the shell that runs it by the command of an invocation. `own` are the
 * names of the script's variables. It may set `cloud_node_wrapper`, words that run the command within
 * something, and `cloud_node_memory`, the KiB of address space that each of its processes may have.
 */
export function becomeCommand(redirections: string, own: readonly string[] = []): string {
  return `
  umask "$cloud_node_umask"
  [ -z "$cloud_node_hangup" ] || trap '' HUP
  [ -z "$cloud_node_files" ] || ulimit -S -n "$cloud_node_files"
  set --
  eval "$cloud_node_assign"
  if [ "$#" != 0 ]; then set -- env "$@" "$cloud_node_shell" -c "$cloud_node_source"
  elif [ "$cloud_node_shell" = bash ] && [ -z "\${cloud_node_wrapper-}" ]; then
    set -- -a bash "$cloud_node_shell_path" -c "$cloud_node_source"
  else set -- "$cloud_node_shell" -c "$cloud_node_source"
  fi
  [ -z "\${cloud_node_wrapper-}" ] || eval "set -- $cloud_node_wrapper \\"\\$@\\""
  [ -z "\${cloud_node_memory-}" ] || ulimit -v "$cloud_node_memory"
  unset PATH PWD OLDPWD SHLVL LC_ALL
  eval "$cloud_node_export"
  # exec in bash counts SHLVL down, but in a subshell.
  case \${BASH_SUBSHELL-}:\${SHLVL-} in
    0: | *[!0-9:]*) ;;
    0:*) SHLVL=$((SHLVL + 1)) ;;
  esac
  unset cloud_node_script cloud_node_source cloud_node_shell cloud_node_shell_path \\
    cloud_node_umask cloud_node_files cloud_node_hangup cloud_node_export cloud_node_assign \\
    cloud_node_wrapper cloud_node_memory ${own.join(" ")}
  exec "$@" ${redirections}
`;
}

/** An environment as numbered variables. */
interface HeldEnvironment {
  /** What the first shell is started with. */
  readonly variables: Readonly<Record<string, string>>;
  /** Shell source that exports what the numbers hold, and unsets these. */
  readonly exports: string;
  /** Shell source that makes what env(1) has to set the arguments, and unsets their numbers. */
  readonly assignments: string;
}

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Variables that bash does not let a script set, or computes itself when they are exported. They go
 * through the command line of `env`(1): none of them is a secret.
 */
const SHELL_VARIABLE =
  /^(BASH(_\w+|OPTS|PID)?|SHELLOPTS|POSIXLY_CORRECT|IFS|OPT(IND|ERR|ARG)|E?UID|PPID|GROUPS|S?RANDOM|SECONDS|LINENO|EPOCH\w+|FUNCNAME|DIRSTACK|HISTCMD|PIPESTATUS|COMP_\w+)$/;

/** Environments that were numbered before: that of all workloads is the same each time. */
const held = new WeakMap<object, HeldEnvironment>();

/** Numbers the variables of `env`. */
export function holdEnvironment(env: Readonly<Record<string, string>>): HeldEnvironment {
  const known = held.get(env) ?? numberVariables(env);
  held.set(env, known);
  return known;
}

function numberVariables(env: Readonly<Record<string, string>>): HeldEnvironment {
  const variables: Record<string, string> = {};
  const exported: string[] = [];
  const assigned: string[] = [];
  const hold = (list: string[], kind: string, variable: string) => {
    const name = `${PREFIX}${kind}${list.length}`;
    variables[name] = variable;
    list.push(name);
  };
  for (const [name, value] of Object.entries(env)) {
    // `_` names the program that was started, so every shell sets it anew.
    if (name === "_" || name.startsWith(PREFIX)) continue;
    // No script can set these, and bash passes them on: exported functions, names with dots.
    if (!IDENTIFIER.test(name)) variables[name] = value;
    else if (SHELL_VARIABLE.test(name)) hold(assigned, "a", `${name}=${value}`);
    else hold(exported, "e", `${name}=${value}`);
  }
  return {
    variables,
    exports: withValues("export", exported),
    assignments: withValues("set --", assigned),
  };
}

/** A command with the values of variables as its arguments, which are unset then. */
function withValues(command: string, names: readonly string[]): string {
  if (names.length === 0) return "";
  const values = names.map((name) => `"$${name}"`);
  return `${command} ${values.join(" ")}; unset ${names.join(" ")}`;
}

/** An environment as shell source, for a shell that this process does not start. */
interface EnvironmentSource {
  /** Sets what the shell does not have already. */
  readonly exports: string;
  /** Makes what env(1) has to set the arguments. */
  readonly assignments: string;
}

/**
 * An environment as the source of a script that sets it: what the shell has already stays as it is.
 * No script can set names that are no identifiers, but for exported functions: those are left out.
 */
export function environmentSource(
  env: Readonly<Record<string, string>>,
  shell: Host["shell"],
): EnvironmentSource {
  const exports: string[] = [];
  const assigned: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (name === "_" || name.startsWith(PREFIX)) continue;
    const [, exported] = /^BASH_FUNC_([\w:.-]+)%%$/.exec(name) ?? [];
    if (exported !== undefined && shell === "bash") {
      exports.push(`${exported} ${value}`, `export -f ${exported}`);
    } else if (SHELL_VARIABLE.test(name)) assigned.push(word(`${name}=${value}`));
    else if (IDENTIFIER.test(name)) exports.push(`\${${name}+:} export ${name}=${word(value)}`);
  }
  return {
    exports: exports.join("\n"),
    assignments: assigned.length === 0 ? "" : `set -- ${assigned.join(" ")}`,
  };
}

function word(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}

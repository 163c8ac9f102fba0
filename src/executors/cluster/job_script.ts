/**
 * The files of a job: the script that the cluster runs, which holds nothing of the command, and the
 * orders that it reads in the workload's folder and removes before it begins.
 *
 * @module
 */
import * as fs from "node:fs";
import { environmentSource } from "../../os/child_environment.ts";
import type { Host } from "../../os/processes.ts";
import type { WorkloadFile, WorkloadFolder } from "../../workloads/folder.ts";
import { shellWord } from "../process/python_source.ts";
import {
  ATTEMPT_VARIABLE,
  scriptVariables,
  supervisorScript,
  WRITE_EXIT,
} from "../process/supervisor_script.ts";

/** What the files are made from. */
export interface JobScriptOptions {
  readonly attempt: string;
  readonly folder: WorkloadFolder;
  /** Where the template runs. */
  readonly workFolder: string;
  /** What the shell is to run. */
  readonly source: string;
  /** The whole environment of the command, beside what the cluster sets. */
  readonly env: Readonly<Record<string, string>>;
  readonly maxOutputFiles: number;
  readonly host: Pick<Host, "shell" | "umask">;
  /** The variables that the cluster sets for one of its jobs: of another job they mean nothing. */
  readonly ofJob: RegExp;
  /** Whether a job keeps the PATH that the cluster gives it. Default: it gets that of the node. */
  readonly keepsPath?: boolean;
}

/** The name of the script that the cluster runs. */
export const JOB_FILE = "job.sh";

/** The name of the file to which the script itself writes: what went wrong before the command began. */
export const JOB_LOG = "job.log";

/** The name of the file that holds the environment of a command until it begins. */
const ORDERS_FILE = "job_orders";

/** Clusters kill what is left of a job when its script ends: so its output has to be there before. */
const DRAIN = `
for cloud_node_line in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  cloud_node_more=
  for cloud_node_each in $cloud_node_pumps; do
    ! kill -s 0 "$cloud_node_each" 2>/dev/null || cloud_node_more=yes
  done
  [ "$cloud_node_more" ] || break
  sleep 0.05
done`;

/** The files, with an empty one for the log, so that nobody else can read it. */
export function jobFiles(options: JobScriptOptions): WorkloadFile[] {
  return [
    { name: JOB_FILE, bytes: jobScript(options) },
    { name: ORDERS_FILE, bytes: orders(options) },
    { name: JOB_LOG, bytes: "" },
  ];
}

/** Removes what a job was to read that never began: the environment of the command, with its tokens. */
export function removeOrders(folder: WorkloadFolder): void {
  fs.rmSync(`${folder.path}/${ORDERS_FILE}`, { force: true });
}

function jobScript({ folder, host: { shell } }: JobScriptOptions): string {
  const path = shellWord(`${folder.path}/${ORDERS_FILE}`);
  return `#!/usr/bin/env ${shell}
cloud_node_orders=${path}
cloud_node_path=$PATH
[ -r "$cloud_node_orders" ] || { echo "$cloud_node_orders is not here" >&2; exit 1; }
. "$cloud_node_orders"
rm -f "$cloud_node_orders"
unset cloud_node_orders
${
    supervisorScript(shell, {
      orders: "exec </dev/null",
      end: `${DRAIN}
${WRITE_EXIT}
sync "$cloud_node_output/claim-$cloud_node_claim"
exit "$cloud_node_code"`,
    })
  }`;
}

function orders(
  { attempt, folder, workFolder, source, env, maxOutputFiles, host, ofJob, keepsPath }:
    JobScriptOptions,
): string {
  const { shell, umask } = host;
  const own = Object.entries(env).filter(([name]) =>
    !ofJob.test(name) && !(keepsPath && name === "PATH")
  );
  const { exports, assignments } = environmentSource(
    { ...Object.fromEntries(own), [ATTEMPT_VARIABLE]: attempt },
    shell,
  );
  const variables = {
    ...scriptVariables({
      attempt,
      output: folder.path,
      place: workFolder,
      maxOutputFiles,
      oomKillCounter: undefined,
    }),
    cloud_node_shell: shell,
    cloud_node_umask: umask,
    cloud_node_files: "",
    cloud_node_hangup: "",
    cloud_node_source: source,
    cloud_node_export: keepsPath ? `export PATH="$cloud_node_path"\n${exports}` : exports,
    cloud_node_assign: assignments,
  };
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${shellWord(value)}\n`);
  return `${lines.join("")}cloud_node_shell_path=$(command -v ${shell})\n`;
}

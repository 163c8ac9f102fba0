/**
 * The supervisor of a workload: a small shell, in a session of its own, that claims the attempt, runs
 * the template and writes down its exit code, whether there still is a node or not.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { invocation } from "../../os/child_environment.ts";
import { type Host, signalProcesses } from "../../os/processes.ts";
import { inOwnSession } from "../../os/session.ts";
import { type Clock, orAbort, within } from "../../time.ts";
import type { WorkloadFolder } from "../../workloads/folder.ts";
import { LineSplitter } from "../../workloads/line_splitter.ts";
import { parseReport, type Report } from "./claim.ts";
import {
  ATTEMPT_VARIABLE,
  scriptVariables,
  supervisorScript,
  WRITE_EXIT,
} from "./supervisor_script.ts";

/** What a supervisor is started with, which is the same for all commands. */
export interface SupervisorOptions {
  /** Names the attempt that it claims. */
  readonly attempt: string;
  /** The workload's folder, which may be renamed until the workload runs. */
  readonly folder: WorkloadFolder;
  /** Where the template runs. */
  readonly workFolder: string;
  /** How many bytes each stream of output may take on disk. */
  readonly maxOutputFiles: number;
  /** The environment of all workloads. */
  readonly env: Readonly<Record<string, string>>;
  readonly host: Host;
}

/** The command that a supervisor runs. */
export interface Orders {
  /** What `bash -c`, or `sh -c` where there is no bash, is to run. */
  readonly source: string;
  /** The environment of this command, over that of all workloads. */
  readonly env: Readonly<Record<string, string>>;
  /** Where the workload's files are now. */
  readonly folder: WorkloadFolder;
  /** The limit of its memory, as variables of the shell that becomes it. Default: none. */
  readonly limit?: Readonly<Record<string, string>>;
}

/**
 * Reads the order, one line of `$cloud_node_size` bytes. A shell that looks for the end of a line in a
 * pipe has to read byte by byte.
 */
const READ_ORDER = `
if [ "\${BASH_VERSINFO-0}" -ge 5 ]; then IFS= read -r -N "$cloud_node_size" cloud_node_line
else IFS= read -r cloud_node_line
fi`;

/**
 * Waits on standard input for an order that says what to run: a node that dies before ends it. A node
 * that has ended reads no report of an end.
 */
const script = (shell: Host["shell"]) =>
  supervisorScript(shell, {
    orders: `
printf 'waiting\\n' >&3
IFS= read -r cloud_node_size || exit 0
${READ_ORDER} || exit 0
exec </dev/null
eval "$cloud_node_line"
cloud_node_export="$cloud_node_export$cloud_node_newline$cloud_node_more"`,
    end: `
${WRITE_EXIT}
printf 'exited %s\\n' "$cloud_node_code\${cloud_node_oom:+ oom_kill}" >&3 ||
  sync "$cloud_node_output/claim-$cloud_node_claim"
exit 0`,
  });

/** `value` as one word on one line. */
function word(value: string): string {
  return `'${value.replaceAll("'", "'\\''").replaceAll("\n", `'"$cloud_node_newline"'`)}'`;
}

/**
 * The order that makes a supervisor run a command: a line with its size in bytes, and a line with
 * the command.
 */
function encodeOrder({ source, env, folder, limit }: Orders): Uint8Array<ArrayBuffer> {
  const variables = Object.entries(env).map(([name, value]) => word(`${name}=${value}`));
  const assignments = {
    output: folder.path,
    source,
    more: `export ${variables.join(" ")}`,
    ...limit,
  };
  const line = Object.entries(assignments)
    .map(([name, value]) => `cloud_node_${name}=${word(value)}`).join(" ")
    // No shell keeps them.
    .replaceAll("\0", "");
  return encoder.encode(`${Buffer.byteLength(line)}\n${line}\n`);
}

const SCRIPTS = { bash: script("bash"), sh: script("sh") };

const encoder = new TextEncoder();

/** How long a waiting supervisor may take to end by itself. */
const DISMISS_MS = 1_000;

/** A supervisor that was started. */
export class Supervisor {
  /** The attempt that it claims when it runs. */
  readonly attempt: string;
  /** The folder that it was started with. */
  readonly folder: WorkloadFolder;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  #onReport: (report: Report) => void = () => {};
  readonly #output: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  /** Resolves when it waits for orders and its folder may get another name. */
  readonly waiting: Promise<void>;
  readonly #isWaiting = Promise.withResolvers<void>();
  /** Resolves when it has ended, with the signal that ended it. */
  readonly ended: Promise<string | undefined>;
  /** Resolves when it has ended and all output of the workload is in its files. */
  readonly drained: Promise<void>;

  /** Starts one, which waits for orders. Throws when no shell can be run. */
  constructor(options: SupervisorOptions) {
    const { attempt, folder, workFolder, maxOutputFiles, host, env } = options;
    const { command, ...spawned } = inOwnSession(invocation(
      { source: "", env, host },
      SCRIPTS[host.shell],
      {
        name: ["cyberwave-workload"],
        variables: scriptVariables({
          attempt,
          output: folder.path,
          place: workFolder,
          maxOutputFiles,
          oomKillCounter: host.oomKillCounter,
        }),
      },
    ));
    this.attempt = attempt;
    this.waiting = this.#isWaiting.promise;
    this.folder = folder;
    this.#child = new Deno.Command(command, {
      ...spawned,
      cwd: workFolder,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child.stdout.getReader();
    this.ended = this.#child.status.then(({ signal }) => signal ?? undefined);
    this.drained = this.#listen();
  }

  /** Lets it run a command. What it reports goes to `onReport`. */
  run({ env, ...orders }: Orders, onReport: (report: Report) => void): void {
    this.#onReport = onReport;
    const order = encodeOrder({ ...orders, env: { ...env, [ATTEMPT_VARIABLE]: this.attempt } });
    // If it has ended, `ended` resolves.
    this.#input.write(order).then(() => this.#input.close()).catch(() => {});
  }

  /** Ends it before it has run anything, and waits for that. It is killed if it does not end. */
  async dismiss(clock: Clock): Promise<void> {
    this.#input.close().catch(() => {});
    const ended = Promise.all([this.drained, this.ended]);
    await within(DISMISS_MS, clock, async (tooLate) => {
      if (await orAbort(ended, tooLate) === undefined) await this.kill();
    });
    await ended;
  }

  /** Kills it and its pumps, also when they were stopped. */
  async kill(): Promise<void> {
    await signalProcesses([-this.pid], "SIGKILL");
  }

  /** Its process, which leads the session. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Stops listening to it: it goes on without the node. */
  leave(): void {
    this.#child.unref();
    this.#input.close().catch(() => {});
    this.#output.cancel().catch(() => {});
  }

  async #listen(): Promise<void> {
    const lines = new LineSplitter((line) => {
      const report = parseReport(line);
      if (report?.type === "waiting") this.#isWaiting.resolve();
      else if (report !== undefined) this.#onReport(report);
    });
    try {
      for (;;) {
        const { done, value } = await this.#output.read();
        if (done) return;
        lines.push(value);
      }
    } catch {
      // A pipe that cannot be read counts as one that has ended.
    }
  }
}

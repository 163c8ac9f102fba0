/**
 * Finds an attempt of an earlier node, and watches it while it runs.
 *
 * @module
 */
import * as fs from "node:fs";
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { type Host, inspectProcesses, listProcesses } from "../../os/processes.ts";
import type { ProcessIdentity } from "../../os/process_identity.ts";
import { readRegularFile } from "../../os/regular_file.ts";
import type { Resources } from "../../protocol/resources.ts";
import { type Clock, isAbort } from "../../time.ts";
import type { WorkloadFolder } from "../../workloads/folder.ts";
import type { Exit, Handle } from "../executor.ts";
import { type Claim, claimForNode, readClaim } from "./claim.ts";
import type { Observed } from "./execution.ts";
import { decide, type Evidence, type Recovery } from "./recovery.ts";
import { CLAIM_VARIABLE } from "./supervisor_script.ts";

/** What attempts are examined with. */
interface LookContext {
  readonly host: Pick<Host, "bootId">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How long a supervisor that has made the claim may take to write its pid. */
const WRITING_MS = 1_000;

/** How often the node checks for that. */
const WRITING_INTERVAL_MS = 50;

/**
 * Decides about an attempt that an earlier node made. If it has not begun, this keeps it from ever
 * beginning.
 */
export async function examine(
  handle: Handle,
  folder: WorkloadFolder,
  context: LookContext,
): Promise<Recovery & { readonly ageMs: number }> {
  if (handle.process === undefined && handle.bootId === context.host.bootId) {
    claimForNode(folder, handle.attempt);
    await untilWritten(handle, folder, context);
  }
  return await look(handle, folder, context);
}

/** The same without the claim: an attempt that has not begun still may. */
export async function look(
  handle: Handle,
  folder: WorkloadFolder,
  context: LookContext,
): Promise<Recovery & { readonly ageMs: number }> {
  const claimed = claimOf(handle, folder);
  const pid = handle.process?.pid ??
    (claimed.by === "supervisor" ? claimed.process?.pid : undefined);
  const { startTime, ageMs } = await lookAt(pid, context.logger);
  return { ...decide(handle, evidence(handle, folder, startTime, context)), ageMs };
}

/** What can be seen of an attempt, its process first. */
function evidence(
  handle: Handle,
  folder: WorkloadFolder,
  startTime: Evidence["startTime"],
  { host }: LookContext,
): Evidence {
  const hasFolder = fs.lstatSync(folder.path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  return { bootId: host.bootId, hasFolder, claim: claimOf(handle, folder), startTime };
}

/**
 * Waits until a supervisor has written its pid: if it lives it does so in a moment, otherwise
 * never.
 */
async function untilWritten(
  handle: Handle,
  folder: WorkloadFolder,
  { clock }: LookContext,
): Promise<void> {
  for (let waited = 0; waited < WRITING_MS; waited += WRITING_INTERVAL_MS) {
    const claim = readClaim(folder, handle.attempt);
    if (claim.by !== "supervisor" || claim.process !== undefined) return;
    await clock.sleep(WRITING_INTERVAL_MS);
  }
}

function claimOf(handle: Handle, folder: WorkloadFolder): Claim {
  if (handle.attempt !== "") return readClaim(folder, handle.attempt);
  return handle.process === undefined ? { by: "nobody" } : exitFileClaim(folder, handle.process);
}

/**
 * The claim in the file of an early version: `......` from the moment the workload began, and then
 * its exit code.
 */
function exitFileClaim(folder: WorkloadFolder, process: ProcessIdentity): Claim {
  try {
    const text = new TextDecoder("latin1").decode(readRegularFile(`${folder.path}/exit`, 64));
    const code = /^(\d{1,3})\n/.exec(text)?.[1];
    const claim = { by: "supervisor", process } as const;
    return code === undefined ? claim : { ...claim, code: Number(code) };
  } catch {
    return { by: "nobody" };
  }
}

async function lookAt(
  pid: number | undefined,
  logger: Logger,
): Promise<{ startTime: Evidence["startTime"]; ageMs: number }> {
  if (pid === undefined) return { startTime: undefined, ageMs: 0 };
  try {
    return (await inspectProcesses([pid])).get(pid) ?? { startTime: undefined, ageMs: 0 };
  } catch (error) {
    logger.warn(`Cannot look at process ${pid}: ${messageOf(error)}; taking it for alive`);
    return { startTime: "unknown", ageMs: 0 };
  }
}

/** How often the claim of a workload of an earlier node is read. */
const WATCH_INTERVAL_MS = 250;

/** After how many of these reads its process is checked, too, which takes a process. */
const LOOKS_PER_PROCESS_CHECK = 8;

/** A workload of an earlier node that runs. */
export class Watch implements Observed {
  readonly started: Promise<Handle>;
  readonly ended: Promise<Exit>;
  readonly #handle: Handle;
  readonly #folder: WorkloadFolder;
  readonly #context: LookContext;
  readonly #startedAt: number;
  readonly #leaving = new AbortController();
  #used: Resources | undefined;

  /** Watches the workload whose handle names its process, and which has run for `ageMs` already. */
  constructor(handle: Handle, folder: WorkloadFolder, ageMs: number, context: LookContext) {
    this.#handle = handle;
    this.#folder = folder;
    this.#context = context;
    this.#startedAt = context.clock.monotonic() - ageMs;
    this.started = Promise.resolve(handle);
    this.ended = this.#watch();
  }

  get pid(): number {
    return this.#handle.process!.pid;
  }

  get used(): Resources | undefined {
    return this.#used;
  }

  get ageMs(): number {
    return this.#context.clock.monotonic() - this.#startedAt;
  }

  leave(): void {
    this.#leaving.abort();
  }

  async #watch(): Promise<Exit> {
    const { clock, logger } = this.#context;
    const { signal } = this.#leaving;
    try {
      for (let look = 1;; look++) {
        await clock.sleep(WATCH_INTERVAL_MS, signal);
        const claim = claimOf(this.#handle, this.#folder);
        const isWritten = claim.by === "supervisor" && claim.code !== undefined;
        if (!isWritten && look % LOOKS_PER_PROCESS_CHECK !== 0) continue;
        const { startTime } = await lookAt(this.pid, logger);
        const recovery = decide(
          this.#handle,
          evidence(this.#handle, this.#folder, startTime, this.#context),
        );
        if (recovery.action !== "collect") continue;
        await untilDrained(this.#handle.attempt, this.#context, signal);
        this.#used = recovery.used;
        return recovery.exit;
      }
    } catch (error) {
      if (!isAbort(error, signal)) throw error;
      return await new Promise(() => {});
    }
  }
}

/** How long the end of output may take: a background process may hold it open. */
const DRAIN_MS = 1_000;

/** How often the node checks for that. */
const DRAIN_INTERVAL_MS = 100;

/** Resolves when the output of a workload that has ended is in its files. */
export async function untilDrained(
  attempt: string,
  { clock, logger }: LookContext,
  signal?: AbortSignal,
): Promise<void> {
  if (attempt === "") return;
  for (let waited = 0; waited < DRAIN_MS; waited += DRAIN_INTERVAL_MS) {
    try {
      const { holding: [pumps] } = await listProcesses([`${CLAIM_VARIABLE}=${attempt}`]);
      if (pumps === undefined || pumps.size === 0) return;
    } catch (error) {
      return logger.warn(`Cannot look for the output of a workload: ${messageOf(error)}`);
    }
    await clock.sleep(DRAIN_INTERVAL_MS, signal);
  }
}

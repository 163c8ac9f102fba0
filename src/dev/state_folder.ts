/**
 * State folders that last as long as one process. Nothing of them stays behind: neither files nor
 * workloads, which otherwise outlive their node.
 *
 * @module
 */
import { join } from "node:path";
import { tmpdir } from "node:os";
import { messageOf, quoted } from "../errors.ts";
import type { Handle } from "../executors/executor.ts";
import { readClaim } from "../executors/process/claim.ts";
import { loadedHandles } from "../executors/warm/warm_process.ts";
import { History } from "../journal/history.ts";
import type { ProcessIdentity, StopSignal } from "../os/process_identity.ts";
import { createLogger } from "../log.ts";
import { lockHolder } from "../state/lock.ts";
import { type Clock, systemClock } from "../time.ts";
import { WorkloadFolder } from "../workloads/folder.ts";
import { inspectHost, signalGroup, startTimes } from "../os/processes.ts";

const PREFIX = "cyberwave-cloud-node-dev";
const GRACE_MS = 2_000;
const INTERVAL_MS = 50;

/** Makes a state folder that names this process. */
export function createStateFolder(): Promise<string> {
  return Deno.makeTempDir({ prefix: `${PREFIX}-${Deno.pid}-` });
}

/** Removes a state folder, and ends what still runs there. */
export async function removeStateFolder(folder: string): Promise<void> {
  await endWorkloads(folder);
  await Deno.remove(folder, { recursive: true });
}

/** Removes the state folders of processes that were killed and so could not do it themselves. */
export async function removeLeftovers(): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(tmpdir())) {
    const pid = new RegExp(`^${PREFIX}-(\\d+)-`).exec(name)?.[1];
    if (pid === undefined || !isDirectory) continue;
    const folder = join(tmpdir(), name);
    try {
      if (await isAbandoned(folder, Number(pid))) await removeStateFolder(folder);
    } catch (error) {
      // Another `dev` that starts now may have been faster.
      if (error instanceof Deno.errors.NotFound) continue;
      createLogger("dev").warn(`Cannot remove ${quoted(folder)}: ${messageOf(error)}`);
    }
  }
}

/** Whether a state folder is this user's, and the process that made it and its node have ended. */
async function isAbandoned(folder: string, pid: number): Promise<boolean> {
  // What others put there must not make this user's processes end.
  const { uid, mode } = await Deno.lstat(folder);
  if (uid !== Deno.uid() || ((mode ?? 0) & 0o077) !== 0) return false;
  return !(await startTimes([pid])).has(pid) && lockHolder(folder) === undefined;
}

/** Ends what runs in a state folder that no node uses: by SIGTERM, by SIGKILL after 2 s. */
export async function endWorkloads(
  folder: string,
  clock: Clock = systemClock,
): Promise<void> {
  let left = running(folder);
  if (left.length === 0) return;
  const pids = left.map(({ pid }) => pid).join(", ");
  createLogger("dev").info(
    `Stopping what still runs, because its files are removed: process ${pids}`,
  );
  const host = await inspectHost();
  const signalAll = (signal: StopSignal) =>
    Promise.all(left.map((process) => signalGroup(process, signal, host)));
  await signalAll("SIGTERM");
  const deadline = clock.monotonic() + GRACE_MS;
  for (;;) {
    const times = await startTimes(left.map(({ pid }) => pid));
    left = left.filter(({ pid, startTime }) => times.get(pid) === startTime);
    if (left.length === 0) return;
    if (clock.monotonic() >= deadline) break;
    await clock.sleep(INTERVAL_MS);
  }
  await signalAll("SIGKILL");
}

function running(folder: string): ProcessIdentity[] {
  using history = History.open(folder);
  const loaded = loadedHandles(`${folder}/loaded`).flatMap(({ process }) => process ?? []);
  const workloads = history?.list(0).flatMap(({ id, state, handle }) => {
    if (state !== "running" || handle === undefined) return [];
    const process = handle.process ?? claimedBy(handle, `${folder}/workloads/${id}`);
    return process === undefined ? [] : [process];
  }) ?? [];
  return [...workloads, ...loaded];
}

/** The process that has claimed an attempt, which a node that was killed may not have stored. */
function claimedBy({ attempt, bootId }: Handle, folder: string): ProcessIdentity | undefined {
  const claim = readClaim(new WorkloadFolder(folder), attempt);
  return claim.by === "supervisor" && claim.process !== undefined
    ? { ...claim.process, bootId }
    : undefined;
}

/**
 * The claim of an attempt decides who may run it. It can be made only once: by a supervisor before
 * it runs the attempt, or by a node that decides that the attempt shall not run. A supervisor's
 * claim is a file with its pid and start time and, in the end, the workload's exit code, whether
 * the kernel killed a process for lack of memory meanwhile, and what was used. A node's claim is a
 * folder, so a claim shows its maker from the moment it exists.
 *
 * @module
 */
import * as fs from "node:fs";
import { OS } from "../../os/current.ts";
import { lstat, readRegularFile } from "../../os/regular_file.ts";
import type { Resources } from "../../protocol/resources.ts";
import type { WorkloadFolder } from "../../workloads/folder.ts";

import { parseUsage } from "./usage.ts";

/** What a claim says. */
export type Claim =
  | { readonly by: "nobody" }
  | { readonly by: "node" }
  | {
    readonly by: "supervisor";
    /** The supervisor's process, once it has written that. */
    readonly process?: { readonly pid: number; readonly startTime: string };
    /** How the workload ended, once it has. */
    readonly code?: number;
    /** Whether the kernel killed a process for lack of memory meanwhile. Default: not known. */
    readonly oomKill?: true;
    /** What the workload has used, once it has ended. */
    readonly used?: Resources;
  };

/** A supervisor never writes more than this. */
const MAX_BYTES = 4096;

/** Where the claim of an attempt is. */
export function claimPath(folder: WorkloadFolder, attempt: string): string {
  return `${folder.path}/claim-${attempt}`;
}

/** Reads a claim. One that cannot be read counts as a supervisor's: the attempt may have run. */
export function readClaim(folder: WorkloadFolder, attempt: string): Claim {
  const path = claimPath(folder, attempt);
  const stat = lstat(path);
  if (stat === undefined) return { by: "nobody" };
  if (stat.isDirectory) return { by: "node" };
  try {
    return parseClaim(new TextDecoder().decode(readRegularFile(path, MAX_BYTES)));
  } catch {
    return { by: "supervisor" };
  }
}

/** What a supervisor has written. A line counts once it is whole. */
export function parseClaim(text: string): Claim {
  const [first, second, ...rest] = text.split("\n").slice(0, -1);
  const process = first === undefined ? undefined : parseProcess(first);
  const code = /^exited (\d{1,3})$/.exec(second ?? "")?.[1];
  const used = code === undefined ? undefined : parseUsage(rest);
  return {
    by: "supervisor",
    ...(process && { process }),
    ...(code !== undefined && { code: Number(code) }),
    ...(code !== undefined && rest[0] === "oom_kill" && { oomKill: true }),
    ...(used && { used }),
  };
}

/** What a supervisor reports. */
export type Report =
  | { readonly type: "waiting" }
  | { readonly type: "begun"; readonly pid: number; readonly startTime: string }
  | { readonly type: "exited"; readonly code: number; readonly oomKill?: true };

/** Reads a line that a supervisor reports. */
export function parseReport(line: string): Report | undefined {
  if (line === "waiting") return { type: "waiting" };
  const [, what, rest] = /^(begun|exited) (.*)$/.exec(line) ?? [];
  if (what === "exited") {
    const [code, oomKill] = rest!.split(" ");
    return { type: "exited", code: Number(code), ...(oomKill === "oom_kill" && { oomKill: true }) };
  }
  const process = what === "begun" ? parseProcess(rest!) : undefined;
  return process && { type: "begun", ...process };
}

/** A process as a supervisor describes it: its pid, and what the operating system shows of it. */
export function parseProcess(text: string): { pid: number; startTime: string } | undefined {
  const [, pid, stat] = /^(\d+) (.+)$/.exec(text) ?? [];
  const startTime = stat === undefined ? undefined : OS.processes.parseStartTime(stat);
  return startTime === undefined ? undefined : { pid: Number(pid), startTime };
}

/**
 * Claims an attempt for the node, so that it never begins.
 *
 * @returns who has it then; `"nobody"` when the folder is not there or takes no claim.
 */
export function claimForNode(folder: WorkloadFolder, attempt: string): Claim {
  try {
    fs.mkdirSync(claimPath(folder, attempt), { mode: 0o700 });
    return { by: "node" };
  } catch {
    return readClaim(folder, attempt);
  }
}

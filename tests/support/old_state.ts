/** The state folder of a killed node of version 0.1.0, see `tests/fixtures/state_0.1.0/`. */
import { DatabaseSync } from "node:sqlite";
import type { ProcessIdentity } from "../../src/os/process_identity.ts";
import { fingerprintOf } from "../../src/results/listing.ts";

const FIXTURE = new URL("../fixtures/state_0.1.0/", import.meta.url);

/** When the node was killed. */
const KILLED_AT = Date.parse("2026-11-28T07:57:23Z");

/** The columns that hold times. */
const TIMES = {
  commands: ["accepted_at", "started_at", "ended_at"],
  outbox: ["created_at", "delivered_at"],
};

/** What the node knew, by what `request_id` or file name says of it. */
export const OLD_STATE = {
  clientId: "cyberwave-cloud-node-d2026f746966c19d",
  uuid: "fb079957-5fa7-4669-b161-da0c4c353659",
  slug: "cloud-node-fb079957",
  ids: {
    "t-ok": "mx04alen0d5k1f",
    "t-uploaded": "mx04alfi3b302v",
    "t-failed": "mx04alft5o3k1g",
    "t-undelivered": "mx04ali66r724l",
    "i-running": "mx04alpm4a4a5x",
    "i-queued": "mx04alpr5w1m3i",
    "queued without a request id": "mx04alpx3a5n3p",
  },
  /** The workload that `t-undelivered` ran for the platform, its result file not uploaded. */
  workloadUuid: "df99ca6a-ffb4-4ff7-bc9f-9af5936a9258",
} as const;

/**
 * Writes the node's files to `state/` and `results/` in `folder`, as if it had been killed at `now`
 * while `running` was the process of its running command.
 */
export function restoreOldState(
  folder: string,
  running: ProcessIdentity,
  now: number = Date.now(),
): void {
  for (const part of ["state", "results"]) copy(new URL(`${part}/`, FIXTURE), `${folder}/${part}`);
  using journal = new DatabaseSync(`${folder}/state/journal.db`);
  // As that version left it.
  journal.exec("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON");
  const sql = Deno.readTextFileSync(new URL("journal.sql", FIXTURE));
  journal.exec(sql.replaceAll("{FOLDER}", Deno.realPathSync(folder)));
  for (const [table, columns] of Object.entries(TIMES)) {
    for (const column of columns) {
      journal.prepare(`UPDATE ${table} SET ${column} = ${column} + ?`).run(now - KILLED_AT);
    }
  }
  journal.prepare(
    "UPDATE commands SET pid = ?, start_time = ?, boot_id = ? WHERE state = 'running'",
  ).run(running.pid, running.startTime, running.bootId);
  for (const { path } of journal.prepare("SELECT path FROM result_files").all()) {
    journal.prepare("UPDATE result_files SET fingerprint = ? WHERE path = ? AND state = 'claimed'")
      .run(fingerprintOf(Deno.lstatSync(path as string)), path);
  }
  Deno.chmodSync(`${folder}/state/journal.db`, 0o600);
}

/** Copies files as they were: readable by their user alone. */
function copy(from: URL, to: string): void {
  Deno.mkdirSync(to, { recursive: true, mode: 0o700 });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) copy(new URL(`${name}/`, from), `${to}/${name}`);
    else {Deno.writeFileSync(`${to}/${name}`, Deno.readFileSync(new URL(name, from)), {
        mode: 0o600,
      });}
  }
}

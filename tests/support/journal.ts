/** A journal in a folder of its own, and commands for it. */
import { DatabaseSync } from "node:sqlite";
import { JOURNAL_FILE, openDatabaseToRead } from "../../src/journal/database_file.ts";
import { Journal } from "../../src/journal/journal.ts";
import type { ProcessIdentity } from "../../src/os/process_identity.ts";
import type { End, NewCommand, StoredHandle } from "../../src/journal/record.ts";
import { FakeClock } from "./clock.ts";
import { RecordingLogger } from "./events.ts";

/** A command like any other, but for what is given. */
export function newCommand(id: string, given: Partial<NewCommand> = {}): NewCommand {
  return {
    id,
    kind: "inference",
    requestId: `request-${id}`,
    workloadUuid: undefined,
    params: '{"x":1}',
    slug: "my-node",
    instanceUuid: "u-1",
    replyTopic: "cyberwave/cloud-node/u-1/response",
    hasToken: false,
    ...given,
  };
}

/** Names the attempt that this process runs. */
export function processHandle(process: ProcessIdentity): StoredHandle {
  return { executor: "process", attempt: "attempt-1", bootId: process.bootId, process };
}

/** A message whose payload is `text`. */
export function message(text: string, topic = "t") {
  return { topic, payload: new TextEncoder().encode(text) };
}

/** The end of a command that succeeded. */
export const SUCCESS: End = { cause: "exited", exitCode: 0, bytes: 4096 };

/**
 * Adds commands to the journal of a folder that nobody uses: they succeeded a second apart, the last
 * one now, each with a reply that was delivered.
 */
export function fillJournal(folder: string, count: number, now: number): void {
  using database = new DatabaseSync(`${folder}/${JOURNAL_FILE}`);
  database.exec(`
    BEGIN;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
    INSERT INTO commands (id, kind, request_id, params, slug, instance_uuid, reply_topic, state,
        accepted_at, started_at, ended_at, cause, exit_code, bytes, output_sent)
      SELECT 'c' || i, 'inference', '"r' || i || '"', '', 'slug', 'uuid', 'topic', 'ended',
        ${now} - 1000 * (${count} - i), ${now} - 1000 * (${count} - i), ${now} - 1000 * (${count} - i),
        'exited', 0, 0, 1 FROM n;
    INSERT INTO outbox (command_id, topic, payload, created_at, delivered_at)
      SELECT id, 'topic', CAST(printf('%.200c', 'x') AS BLOB), ended_at, ended_at FROM commands;
    COMMIT`);
}

/** A journal for the length of a test, which can be opened again as after a restart. */
export class TestJournal implements Disposable {
  readonly folder: string = Deno.makeTempDirSync({ prefix: "cloud_node_journal_" });
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  journal: Journal;

  constructor() {
    this.journal = this.#open();
  }

  /** The database, to look into while the journal is open. */
  reader(): DatabaseSync {
    return openDatabaseToRead(`${this.folder}/${JOURNAL_FILE}`)!;
  }

  /** The ids of the commands of which nothing is left to do, the oldest first. */
  answered(): string[] {
    return (["succeeded", "failed"] as const)
      .flatMap((how) =>
        this.journal.answered.endedBefore(how, Infinity, { endedAt: 0, seq: 0 }, 1_000)
      )
      .filter(({ isAnswered }) => isAnswered)
      .map(({ id }) => id);
  }

  /** Changes the database past the journal. */
  write(sql: string): void {
    using database = new DatabaseSync(`${this.folder}/${JOURNAL_FILE}`);
    database.exec(sql);
  }

  /** Closes the journal and opens it again. */
  restart(): Journal {
    this.journal[Symbol.dispose]();
    return this.open();
  }

  /** Opens it again, after whatever a test did to a journal that is closed. */
  open(): Journal {
    return this.journal = this.#open();
  }

  #open(): Journal {
    return Journal.open(this.folder, { clock: this.clock, logger: this.logger });
  }

  [Symbol.dispose](): void {
    this.journal[Symbol.dispose]();
    Deno.removeSync(this.folder, { recursive: true });
  }
}

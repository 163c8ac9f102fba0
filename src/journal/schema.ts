/**
 * The journal's tables. A change is a new entry at the end of `MIGRATIONS`, never an edit.
 *
 * @module
 */

/** The statements that lead from each schema version to the next. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE commands (
    seq           INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    kind          TEXT NOT NULL,
    request_id    TEXT,
    workload_uuid TEXT,
    params        TEXT NOT NULL,
    slug          TEXT NOT NULL,
    instance_uuid TEXT NOT NULL,
    reply_topic   TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('queued', 'running', 'ended')),
    accepted_at   INTEGER NOT NULL,
    started_at    INTEGER,
    pid           INTEGER,
    start_time    TEXT,
    boot_id       TEXT,
    stop_cause    TEXT,
    stop_signal   TEXT,
    stop_at       INTEGER,
    ended_at      INTEGER,
    cause         TEXT,
    exit_code     INTEGER,
    signal        TEXT,
    bytes         INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX commands_by_request ON commands (request_id, kind) WHERE request_id IS NOT NULL;
  CREATE INDEX commands_unfinished ON commands (state) WHERE state <> 'ended';

  CREATE TABLE outbox (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    command_id   TEXT REFERENCES commands (id) ON DELETE CASCADE,
    topic        TEXT NOT NULL,
    payload      BLOB NOT NULL,
    created_at   INTEGER NOT NULL,
    delivered_at INTEGER
  ) STRICT;
  CREATE INDEX outbox_pending ON outbox (seq) WHERE delivered_at IS NULL;
  CREATE INDEX outbox_by_command ON outbox (command_id) WHERE command_id IS NOT NULL;
  `,
  // What ended before there were live logs is not sent any more.
  `
  ALTER TABLE commands ADD COLUMN output_sent INTEGER NOT NULL DEFAULT 0;
  UPDATE commands SET output_sent = 1 WHERE state = 'ended';
  CREATE INDEX commands_output_unsent ON commands (seq) WHERE output_sent = 0 AND state <> 'queued';

  CREATE TABLE log_positions (
    command_id TEXT PRIMARY KEY REFERENCES commands (id) ON DELETE CASCADE,
    stdout     INTEGER NOT NULL,
    stderr     INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE result_files (
    seq             INTEGER PRIMARY KEY,
    command_id      TEXT NOT NULL REFERENCES commands (id) ON DELETE CASCADE,
    path            TEXT NOT NULL,
    size            INTEGER NOT NULL,
    fingerprint     TEXT NOT NULL,
    attachment_uuid TEXT NOT NULL UNIQUE,
    state           TEXT NOT NULL DEFAULT 'claimed'
                    CHECK (state IN ('claimed', 'sent', 'acknowledged', 'removed', 'left', 'failed')),
    signed_url      TEXT,
    failure         TEXT
  ) STRICT;
  CREATE INDEX result_files_by_command ON result_files (command_id);
  CREATE INDEX result_files_by_path ON result_files (path);
  CREATE INDEX result_files_unfinished ON result_files (state)
    WHERE state IN ('claimed', 'sent', 'acknowledged');
  `,
  // Tokens of workloads are never stored: that there was one is.
  `
  ALTER TABLE commands ADD COLUMN has_token INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE commands ADD COLUMN finalizing INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX commands_finalizing ON commands (seq) WHERE finalizing = 1;
  `,
  `
  CREATE INDEX commands_by_workload ON commands (workload_uuid) WHERE workload_uuid IS NOT NULL;
  `,
  // What earlier versions started has no handle, but a pid.
  `
  ALTER TABLE commands ADD COLUMN handle TEXT;
  ALTER TABLE commands ADD COLUMN packet TEXT;
  CREATE INDEX commands_by_packet ON commands (packet) WHERE packet IS NOT NULL;
  `,
  // The platform names attachments. What was sent under a name of the node's own is sent again.
  `
  CREATE TABLE named_files (
    seq             INTEGER PRIMARY KEY,
    command_id      TEXT NOT NULL REFERENCES commands (id) ON DELETE CASCADE,
    path            TEXT NOT NULL,
    name            TEXT,
    size            INTEGER NOT NULL,
    fingerprint     TEXT NOT NULL,
    attachment_uuid TEXT,
    state           TEXT NOT NULL DEFAULT 'claimed'
                    CHECK (state IN ('claimed', 'sent', 'acknowledged', 'removed', 'left', 'failed')),
    signed_url      TEXT,
    failure         TEXT
  ) STRICT;
  INSERT INTO named_files (seq, command_id, path, size, fingerprint, state, failure)
    SELECT seq, command_id, path, size, fingerprint,
      CASE state WHEN 'sent' THEN 'claimed' ELSE state END, failure FROM result_files;
  DROP TABLE result_files;
  ALTER TABLE named_files RENAME TO result_files;
  CREATE INDEX result_files_by_command ON result_files (command_id, name);
  CREATE INDEX result_files_by_path ON result_files (path);
  CREATE INDEX result_files_unfinished ON result_files (state)
    WHERE state IN ('claimed', 'sent', 'acknowledged');
  `,
  // A row while a node uses the journal; rows that were found damaged; what retention goes by.
  `
  CREATE TABLE in_use (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    since INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE damaged (
    found_at INTEGER NOT NULL,
    damage   TEXT NOT NULL,
    command  TEXT NOT NULL
  ) STRICT;

  CREATE INDEX commands_by_end ON commands (cause IS 'exited' AND exit_code IS 0, ended_at)
    WHERE state = 'ended';
  CREATE INDEX commands_with_files ON commands (ended_at, seq, bytes) WHERE bytes > 0;
  CREATE INDEX outbox_delivered ON outbox (delivered_at, seq, length(payload))
    WHERE delivered_at IS NOT NULL AND command_id IS NOT NULL;
  `,
  // Who asked over MQTT 5 for a reply on a topic of their own.
  `
  CREATE TABLE requesters (
    seq              INTEGER PRIMARY KEY,
    command_id       TEXT NOT NULL REFERENCES commands (id) ON DELETE CASCADE,
    topic            TEXT NOT NULL,
    correlation_data BLOB
  ) STRICT;
  CREATE INDEX requesters_by_command ON requesters (command_id);
  ALTER TABLE outbox ADD COLUMN correlation_data BLOB;
  `,
  // What commands printed that is in no file.
  `
  CREATE TABLE small_outputs (
    command_id TEXT PRIMARY KEY REFERENCES commands (id) ON DELETE CASCADE,
    stdout     BLOB,
    stderr     BLOB
  ) STRICT;
  `,
  // Whether the kernel killed a process for lack of memory meanwhile; NULL: not known.
  `
  ALTER TABLE commands ADD COLUMN oom_kill INTEGER;
  `,
  // The trace that the sender of a command put it into.
  `
  CREATE TABLE trace_contexts (
    command_id  TEXT PRIMARY KEY REFERENCES commands (id) ON DELETE CASCADE,
    traceparent TEXT NOT NULL,
    tracestate  TEXT
  ) STRICT, WITHOUT ROWID;
  `,
  // What a command has used of the machine, as JSON; NULL: not known.
  `
  ALTER TABLE commands ADD COLUMN resources TEXT;
  `,
];

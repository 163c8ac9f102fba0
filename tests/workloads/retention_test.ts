import { assert, assertEquals } from "@std/assert";
import { JOURNAL_FILE } from "../../src/journal/database_file.ts";
import {
  applyRetention,
  type KeepLimits,
  type RetentionJournal,
  type RetentionOptions,
} from "../../src/workloads/retention.ts";
import { fillJournal, message, newCommand, SUCCESS, TestJournal } from "../support/journal.ts";

const SECOND = 1_000;
const HOUR = 60 * 60 * SECOND;
const DAY = 24 * HOUR;
const LIMITS: KeepLimits = {
  maxAgeMs: 7 * DAY,
  maxCount: { succeeded: 1_000, failed: 10_000 },
  maxBytes: 1_000_000,
  dedupeMs: HOUR,
};

/** A command that has ended, was answered, and whose output was sent. */
interface Ended {
  readonly ageMs: number;
  /** What its files take. Default: 500. */
  readonly bytes?: number;
  /** How large its reply is. Default: 10. */
  readonly reply?: number;
  readonly failed?: true;
  readonly undelivered?: true;
  readonly unsent?: true;
}

/** A journal and a folder of workloads, and retention over both. */
class Stage extends TestJournal {
  /** Adds a command that has ended. */
  end(id: string, { ageMs, bytes = 500, reply = 10, ...how }: Ended): void {
    const { journal } = this;
    const endedAt = this.clock.now() - ageMs;
    journal.accept(newCommand(id));
    const end = how.failed ? { ...SUCCESS, exitCode: 1, bytes } : { ...SUCCESS, bytes };
    const posted = journal.end(id, end, [message("x".repeat(reply))]);
    if (!how.undelivered) journal.messages.delivered(posted.map(({ seq }) => seq));
    if (!how.unsent) journal.logPositions.finish([id]);
    this.write(`UPDATE commands SET ended_at = ${endedAt} WHERE id = '${id}';
      UPDATE outbox SET delivered_at = ${endedAt} WHERE command_id = '${id}' AND delivered_at > 0`);
    if (bytes === 0) return;
    Deno.mkdirSync(`${this.folder}/${id}`);
    Deno.writeTextFileSync(`${this.folder}/${id}/stdout.log`, "output");
  }

  /** What is left of a command: its files, its reply, its record. */
  leftOf(id: string): string {
    using reader = this.reader();
    const reply = reader.prepare("SELECT 1 FROM outbox WHERE command_id = ?").get(id);
    return [
      existsAt(`${this.folder}/${id}`) && "files",
      reply !== undefined && "reply",
      this.journal.find(id) !== undefined && "record",
    ].filter(Boolean).join(" ");
  }

  /** Applies retention until the block ends. */
  retention(options: Partial<RetentionOptions> = {}): AsyncDisposable {
    const stop = new AbortController();
    const applied = applyRetention({
      journal: this.journal,
      workloadsFolder: this.folder,
      limits: LIMITS,
      unsentBytes: () => 0,
      clock: this.clock,
      logger: this.logger,
      ...options,
    }, stop.signal);
    return {
      async [Symbol.asyncDispose]() {
        stop.abort();
        await applied;
      },
    };
  }

  /** Makes one pass. */
  async pass(options: Partial<RetentionOptions> = {}): Promise<void> {
    await using _retention = this.retention(options);
    await this.clock.sleeping();
  }
}

const ALL = "files reply record";
const WITHOUT_REPLY = "files record";
const MIN = HOUR / 60;

const TABLE: [
  name: string,
  commands: Record<string, Ended>,
  limits: Partial<KeepLimits>,
  left: Record<string, string>,
][] = [
  ["young", { a: { ageMs: MIN }, b: { ageMs: 0 } }, {}, { a: ALL, b: ALL }],
  [
    "a reply goes when the request need not be recognised any more",
    { a: { ageMs: HOUR }, b: { ageMs: HOUR + 1 } },
    {},
    { a: ALL, b: WITHOUT_REPLY },
  ],
  [
    "a week is kept",
    { a: { ageMs: 7 * DAY + 1 }, b: { ageMs: 7 * DAY }, c: { ageMs: 7 * DAY, failed: true } },
    {},
    { a: "", b: WITHOUT_REPLY, c: WITHOUT_REPLY },
  ],
  [
    "old, but its request id is still to be recognised",
    { a: { ageMs: 8 * DAY } },
    { dedupeMs: 30 * DAY },
    { a: "reply record" },
  ],
  [
    "only the latest are kept, of those that failed others than of those that succeeded",
    {
      s1: { ageMs: 5 * HOUR },
      f1: { ageMs: 4 * HOUR, failed: true },
      f2: { ageMs: 3 * HOUR, failed: true },
      s2: { ageMs: 2 * HOUR },
    },
    { maxCount: { succeeded: 1, failed: 2 } },
    { s1: "", f1: WITHOUT_REPLY, f2: WITHOUT_REPLY, s2: WITHOUT_REPLY },
  ],
  [
    "too many, but within the window only the files go",
    { a: { ageMs: 3 * MIN }, b: { ageMs: 2 * MIN } },
    { maxCount: { succeeded: 0, failed: 0 } },
    { a: "reply record", b: "reply record" },
  ],
  [
    "too many, but the platform has not got the output",
    { a: { ageMs: 3 * MIN, unsent: true }, b: { ageMs: 2 * MIN } },
    { maxCount: { succeeded: 1, failed: 1 } },
    { a: ALL, b: ALL },
  ],
  [
    "too old, though the platform has not got the output",
    { a: { ageMs: 8 * DAY, unsent: true } },
    {},
    { a: "" },
  ],
  [
    "too large: replies go first, the oldest ones",
    {
      a: { ageMs: 3 * MIN, bytes: 600, reply: 300 },
      b: { ageMs: 2 * MIN, bytes: 0, reply: 300 },
      c: { ageMs: 1 * MIN, bytes: 0, reply: 300 },
    },
    { maxBytes: 1_000 },
    { a: WITHOUT_REPLY, b: "record", c: "reply record" },
  ],
  [
    "too large without replies: the oldest files go, their records stay",
    {
      a: { ageMs: 3 * DAY, bytes: 600 },
      f: { ageMs: 2 * DAY, bytes: 600, failed: true },
      c: { ageMs: DAY, bytes: 400 },
    },
    { maxBytes: 1_000 },
    { a: "record", f: WITHOUT_REPLY, c: WITHOUT_REPLY },
  ],
  ["one alone that is too large", { a: { ageMs: DAY, bytes: 2_000_000 } }, {}, { a: "record" }],
  [
    "what is not delivered stays, whatever the limits",
    { a: { ageMs: 80 * DAY, bytes: 9_000_000, undelivered: true }, b: { ageMs: MIN } },
    { maxCount: { succeeded: 1, failed: 1 } },
    { a: ALL, b: "record" },
  ],
  [
    "keep nothing",
    { a: { ageMs: 1 }, b: { ageMs: 1, failed: true } },
    { maxAgeMs: 0, dedupeMs: 0 },
    { a: "", b: "" },
  ],
  ["the clock was set back", { a: { ageMs: -DAY } }, { maxAgeMs: 0 }, { a: ALL }],
];

for (const [name, commands, limits, left] of TABLE) {
  Deno.test(`retention: ${name}`, async () => {
    using stage = new Stage();
    for (const [id, ended] of Object.entries(commands)) stage.end(id, ended);
    await stage.pass({ limits: { ...LIMITS, ...limits } });
    const found = Object.keys(commands).map((id) => [id, stage.leftOf(id)]);
    assertEquals(Object.fromEntries(found), left);
  });
}

Deno.test("a repeat of a command whose reply has gone gets none", async () => {
  using stage = new Stage();
  stage.end("a", { ageMs: 2 * HOUR });
  stage.end("b", { ageMs: 0 });
  await stage.pass();
  const { messages } = stage.journal;
  assertEquals([messages.repost("a"), messages.repost("b")?.length], [undefined, 1]);
});

Deno.test("retention is applied at the start and every ten minutes", async () => {
  using stage = new Stage();
  stage.end("old", { ageMs: 8 * DAY });
  stage.end("undelivered", { ageMs: 8 * DAY, undelivered: true });
  await using _retention = stage.retention();
  assertEquals(await stage.clock.sleeping(), HOUR / 6);
  assertEquals([stage.leftOf("old"), stage.leftOf("undelivered")], ["", ALL]);
  const { messages } = stage.journal;
  messages.delivered(messages.pending(0, { messages: 9, bytes: Infinity }).map(({ seq }) => seq));
  await stage.clock.advance(HOUR / 6);
  await stage.clock.sleeping();
  assertEquals(stage.leftOf("undelivered"), "");
});

Deno.test("without a log stream no output waits to be sent", async () => {
  using stage = new Stage();
  for (const id of ["a", "b"]) stage.end(id, { ageMs: MIN, unsent: true });
  stage.end("c", { ageMs: 0, unsent: true });
  const limits = { ...LIMITS, maxCount: { succeeded: 1, failed: 1 } };
  await stage.pass({ limits, unsentBytes: undefined });
  assertEquals(["a", "b", "c"].map((id) => existsAt(`${stage.folder}/${id}`)), [
    false,
    false,
    true,
  ]);
});

Deno.test("output that goes before it was sent is counted, in one line", async () => {
  using stage = new Stage();
  for (const id of ["a", "b", "sent"]) stage.end(id, { ageMs: 8 * DAY });
  await stage.pass({ unsentBytes: (id) => id === "sent" ? 0 : 1_000 });
  assertEquals(stage.logger.shown, [
    "info: Removed the files of 3 old workloads, forgot 3",
    "warn: [2000 bytes of their output dropped: they were never sent]",
  ]);
});

Deno.test("a pass that fails is made again later", async () => {
  using stage = new Stage();
  stage.end("a", { ageMs: 8 * DAY });
  const { journal } = stage;
  let attempts = 0;
  const failing: RetentionJournal = {
    answered: journal.answered,
    messages: journal.messages,
    find: (id) => journal.find(id),
    shrink() {
      if (++attempts === 1) throw new Error("database is locked");
      return false;
    },
  };
  await using _retention = stage.retention({ journal: failing });
  await stage.logger.logged("Cannot remove old workloads: database is locked; retrying later");
  await stage.clock.sleeping();
  await stage.clock.advance(HOUR / 6);
  await stage.clock.sleeping();
  assertEquals(attempts, 2);
});

Deno.test("one folder that cannot be removed is reported, and keeps no other from going", async () => {
  using stage = new Stage();
  const unremovable = "x".repeat(300);
  for (const id of ["a", "b"]) stage.end(id, { ageMs: 8 * DAY });
  stage.end(unremovable, { ageMs: 8 * DAY, bytes: 0 });
  stage.write(`UPDATE commands SET bytes = 1 WHERE id = '${unremovable}'`);
  await stage.pass();
  assertEquals(["a", "b"].map((id) => stage.leftOf(id)), ["", ""]);
  assert(stage.journal.find(unremovable) !== undefined);
  assertEquals(
    stage.logger.shown.filter((line) => line.startsWith("warn: Cannot remove")).length,
    1,
  );
});

Deno.test("old folders that the journal does not know go, but not where something runs", async () => {
  using stage = new Stage();
  const { journal, clock, logger, folder } = stage;
  const before = new Date(clock.now() - 8 * DAY);
  const touch = (path: string) => Deno.utimeSync(`${folder}/${path}`, before, before);
  const [old, older] = ["mx04alen0d5k1f", "01m8gpq4n5036awahnq3sasqp3"];
  const [young, growing, busy, known] = ["young", "growing", "busy", "known"]
    .map((name) => name.padEnd(14, "0"));
  journal.accept(newCommand(known));
  const foreign = [".waiting-1", "lost+found", "models"];
  for (const name of [old, older, young, growing, busy, known, ...foreign]) {
    Deno.mkdirSync(`${folder}/${name}`);
    Deno.writeTextFileSync(`${folder}/${name}/stdout.log`, "output");
    if (name !== growing) touch(`${name}/stdout.log`);
    if (name !== young) touch(name);
  }
  const running = new Deno.Command("tail", {
    args: ["-f", "/dev/null"],
    cwd: `${folder}/${busy}`,
  }).spawn();
  await stage.pass();
  await logger.logged("Removed old workload folders that the journal does not know: 2");
  const left = [...Deno.readDirSync(folder)].filter(({ isDirectory }) => isDirectory);
  assertEquals(
    left.map(({ name }) => name).sort(),
    [...foreign, young, growing, busy, known].sort(),
  );
  running.kill("SIGKILL");
  await running.status;
  await stage.pass();
  await logger.logged("Removed old workload folders that the journal does not know: 1");
  assertEquals(existsAt(`${folder}/${busy}`), false);
});

/** How many commands are in the journal of the test below. */
const MANY = 300_000;

Deno.test("of very many commands only a page is read or removed at a time, and the file shrinks", async () => {
  using stage = new Stage();
  fillJournal(stage.folder, MANY, stage.clock.now());
  const size = () => Deno.statSync(`${stage.folder}/${JOURNAL_FILE}`).size;
  stage.restart();
  const largest = size();
  let rows = 0;
  let rowsAtOnce = 0;
  const { answered, messages } = stage.journal;
  const counted = <T extends readonly unknown[]>(page: T): T => {
    rows += page.length;
    rowsAtOnce = Math.max(rowsAtOnce, rows);
    return page;
  };
  const watched: RetentionJournal = {
    answered: {
      endsOfLatest: (...args) => answered.endsOfLatest(...args),
      withFiles: (...args) => counted(answered.withFiles(...args)),
      endedBefore: (...args) => counted(answered.endedBefore(...args)),
      sizes: (pageSize) => answered.sizes(pageSize),
      filesRemoved: (ids) => answered.filesRemoved(counted(ids)),
      forget: (ids) => answered.forget(counted(ids)),
    },
    messages: {
      deliveredBefore: (...args) => counted(messages.deliveredBefore(...args)),
      remove: (seqs) => messages.remove(counted(seqs)),
    },
    find: (id) => stage.journal.find(id),
    shrink: (pages) => stage.journal.shrink(pages),
  };
  await stage.pass({
    journal: watched,
    async pause() {
      rows = 0;
      await new Promise((resolve) => setTimeout(resolve, 0));
    },
  });
  // A page is read and removed.
  assert(rowsAtOnce <= 400, `${rowsAtOnce} rows`);
  using reader = stage.reader();
  // What ended in the last hour is still to be recognised.
  assertEquals(reader.prepare("SELECT count(*) AS n FROM commands").get()!.n, 3_601);
  assertEquals(reader.prepare("SELECT count(*) AS n FROM outbox").get()!.n, 3_601);
  stage.restart();
  assert(size() < largest / 5, `${size()} of ${largest} bytes`);
});

function existsAt(path: string): boolean {
  try {
    return Deno.lstatSync(path).isDirectory;
  } catch {
    return false;
  }
}

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { History } from "../../src/journal/history.ts";
import { JOURNAL_FILE } from "../../src/journal/database_file.ts";
import { Journal } from "../../src/journal/journal.ts";
import { FakeClock } from "../support/clock.ts";
import { RecordingLogger } from "../support/events.ts";
import { message, newCommand, processHandle, SUCCESS, TestJournal } from "../support/journal.ts";

const HANDLE = processHandle({ pid: 4242, startTime: "123456", bootId: "boot-1" });
const COMMANDS = 60;

/** A journal with commands in every state, as one file. */
function journalFile(): Uint8Array {
  const folder = Deno.makeTempDirSync({ prefix: "cloud_node_damage_" });
  const journal = Journal.open(folder, { clock: new FakeClock(), logger: new RecordingLogger() });
  for (let i = 0; i < COMMANDS; i++) {
    const id = `c${i}`;
    const params = JSON.stringify({ text: "x".repeat(i % 7 === 0 ? 5_000 : 100) });
    journal.accept(newCommand(id, { params, workloadUuid: `w${i}`, packet: `p${i}` }));
    if (i % 4 === 0) continue;
    journal.start(id, HANDLE);
    if (i % 4 === 1) continue;
    journal.requestStop(id, { cause: "cancelled", signal: "SIGTERM", at: 1 });
    journal.resultFiles.record(id, [{ path: `/r/${id}`, name: id, size: 1, fingerprint: id }]);
    const posted = journal.end(id, SUCCESS, [message(`reply ${id}`)], i % 4 === 2);
    if (i % 8 === 3) journal.messages.delivered(posted.map(({ seq }) => seq));
    journal.logPositions.advance([{ id, stdout: i, stderr: i }]);
  }
  journal[Symbol.dispose]();
  const bytes = Deno.readFileSync(`${folder}/${JOURNAL_FILE}`);
  Deno.removeSync(folder, { recursive: true });
  return bytes;
}

/** Reads all that a node reads. Returns how many commands and messages it finds. */
function readAll(journal: Journal): { commands: number; messages: number } {
  const before = { commands: 0, messages: 0 };
  for (let i = 0; i < COMMANDS; i++) {
    const found = journal.find(`c${i}`);
    if (found === undefined) continue;
    before.commands++;
    assertEquals(typeof journal.params(`c${i}`), "string");
    journal.findRequest("inference", `request-c${i}`, 0);
    journal.findWorkload(`w${i}`, 0);
    journal.findPacket(`p${i}`);
    journal.resultFiles.of(`c${i}`);
    journal.logPositions.find(`c${i}`);
    before.messages += journal.messages.repost(`c${i}`)?.length ?? 0;
  }
  journal.unfinished();
  journal.finalizing();
  journal.messages.pending(0, { messages: 1_000, bytes: Infinity });
  journal.messages.pendingCount();
  journal.logPositions.unsent(0, 1_000);
  for (const _ of journal.answered.sizes(10));
  const start = { endedAt: 0, seq: 0 };
  for (const how of ["succeeded", "failed"] as const) {
    for (const _ of journal.answered.endsOfLatest(how, 10, 1));
    journal.answered.endedBefore(how, Infinity, start, 1_000);
  }
  journal.answered.withFiles(Infinity, start, 1_000);
  journal.accept(newCommand("new"), HANDLE);
  journal.messages.delivered(journal.end("new", SUCCESS, [message("new")]).map(({ seq }) => seq));
  return before;
}

/** Opens a journal file as a node does, and reads all of it. */
function open(bytes: Uint8Array): { found: ReturnType<typeof readAll>; log: readonly string[] } {
  const folder = Deno.makeTempDirSync({ prefix: "cloud_node_damage_" });
  const logger = new RecordingLogger();
  try {
    Deno.writeFileSync(`${folder}/${JOURNAL_FILE}`, bytes);
    using journal = Journal.open(folder, { clock: new FakeClock(), logger });
    const found = readAll(journal);
    using history = History.open(folder)!;
    history.list(-1);
    return { found, log: logger.shown };
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** How many places are damaged, one at a time. `DAMAGE_PLACES=100000` for all. */
const PLACES = Number(Deno.env.get("DAMAGE_PLACES") ?? 150);

Deno.test("a flipped byte anywhere in the journal costs a page of it at most, and never a start", () => {
  const whole = journalFile();
  assertEquals(open(whole), {
    found: { commands: COMMANDS, messages: COMMANDS / 2 },
    log: [],
  });
  const step = Math.max(1, Math.floor(whole.length / PLACES));
  const lost: number[] = [];
  for (let at = 0; at < whole.length; at += step) {
    const bytes = whole.slice();
    bytes[at] ^= [0xff, 0x01, 0x80][at % 3];
    try {
      const { found, log } = open(bytes);
      const missing = COMMANDS - found.commands;
      if (missing > 0) assert(log.length > 0, `${missing} commands are missing without a word`);
      if (missing > 15) lost.push(at);
    } catch (error) {
      throw new Error(`With byte ${at} changed`, { cause: error });
    }
  }
  // The header and the root pages, without which nothing is found.
  assert(lost.length < PLACES / 10, `too much is lost with a change at ${lost}`);
});

Deno.test("a damaged command is set aside with its count, and what it owes is still delivered", () => {
  using test = new TestJournal();
  const { journal } = test;
  for (const id of ["c1", "c2", "c3"]) journal.accept(newCommand(id), HANDLE);
  journal.end("c2", SUCCESS, [message("reply c2")]);
  const damage = [
    "UPDATE commands SET kind = 'infer ence' WHERE id = 'c1'",
    "UPDATE commands SET cause = 'exitee' WHERE id = 'c2'",
  ];
  for (const sql of damage) test.write(sql);
  test.restart();
  assertEquals(test.journal.unfinished().map(({ id }) => id), ["c3"]);
  assertEquals(test.journal.find("c2"), undefined);
  assertEquals(test.journal.messages.pendingCount(), 1);
  const [first, second] = test.logger.shown;
  assertStringIncludes(first, "error: The journal has 1 damaged command (kind is no name)");
  assertStringIncludes(second, "cause is unknown");
  using reader = test.reader();
  const rows = reader.prepare("SELECT command ->> 'id' AS id FROM damaged").all();
  assertEquals(rows.map(({ id }) => id), ["c1", "c2"]);
});

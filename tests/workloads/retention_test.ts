import { assertEquals } from "@std/assert";
import type { CommandRecord, NewCommand } from "../../src/journal/record.ts";
import { applyRetention, expired, type KeepLimits } from "../../src/workloads/retention.ts";
import { message, newCommand, SUCCESS, TestJournal } from "../support/journal.ts";

const HOUR = 60 * 60 * 1_000;
const DAY = 24 * HOUR;
const NOW = 100 * DAY;
const LIMITS: KeepLimits = { maxAgeMs: 7 * DAY, maxBytes: 1_000, dedupeMs: HOUR };

function ended(id: string, ageMs: number, bytes: number): CommandRecord {
  const { params: _, ...command }: NewCommand = newCommand(id);
  return {
    ...command,
    state: "ended",
    acceptedAt: NOW - ageMs,
    startedAt: NOW - ageMs,
    handle: undefined,
    stop: undefined,
    endedAt: NOW - ageMs,
    end: { cause: "exited", exitCode: 0, bytes },
  };
}

const TABLE: [
  name: string,
  ended: CommandRecord[],
  limits: Partial<KeepLimits>,
  files: string[],
  records: string[],
][] = [
  ["nothing", [], {}, [], []],
  ["young and small", [ended("a", DAY, 500), ended("b", 0, 500)], {}, [], []],
  ["exactly a week old", [ended("a", 7 * DAY, 500)], {}, [], []],
  ["older than a week", [ended("a", 7 * DAY + 1, 500)], {}, ["a"], ["a"]],
  [
    "too much: the oldest go, their records stay",
    [ended("a", 3 * DAY, 600), ended("b", 2 * DAY, 600), ended("c", DAY, 400)],
    {},
    ["a"],
    [],
  ],
  ["one alone that is too much", [ended("a", DAY, 2_000)], {}, ["a"], []],
  [
    "without files there is nothing to gain",
    [ended("a", 3 * DAY, 0), ended("b", DAY, 2_000)],
    {},
    ["b"],
    [],
  ],
  ["old, its files gone long ago", [ended("a", 8 * DAY, 0)], {}, [], ["a"]],
  [
    "old, but its request id is still to be recognised",
    [ended("a", 8 * DAY, 500)],
    { dedupeMs: 30 * DAY },
    ["a"],
    [],
  ],
  ["keep nothing", [ended("a", 1, 500)], { maxAgeMs: 0, dedupeMs: 0 }, ["a"], ["a"]],
  ["the clock jumped backwards", [ended("a", -DAY, 500)], { maxAgeMs: 0 }, [], []],
];

for (const [name, commands, limits, files, records] of TABLE) {
  Deno.test(`retention: ${name}`, () => {
    assertEquals(expired(commands, NOW, { ...LIMITS, ...limits }), { files, records });
  });
}

Deno.test("old files are removed at the start and every ten minutes, undelivered ones never", async () => {
  using test = new TestJournal();
  const { journal, clock, logger, folder } = test;
  const path = (id: string) => `${folder}/${id}`;
  const end = (id: string) => {
    journal.accept(newCommand(id));
    Deno.mkdirSync(path(id));
    Deno.writeTextFileSync(`${path(id)}/stdout.log`, "output");
    return journal.end(id, SUCCESS, [message(id)]).map(({ seq }) => seq);
  };
  const exists = (id: string) => existsAt(path(id));
  journal.messages.delivered(end("old"));
  end("undelivered");
  await clock.advance(8 * DAY);
  journal.messages.delivered(end("young"));

  const stop = new AbortController();
  const house = applyRetention({
    history: journal,
    workloadsFolder: folder,
    limits: { ...LIMITS, maxBytes: 2 ** 30 },
    clock,
    logger,
  }, stop.signal);
  assertEquals(await clock.sleeping(), HOUR / 6);
  assertEquals([exists("old"), exists("undelivered"), exists("young")], [false, true, true]);
  assertEquals(journal.find("old"), undefined);

  journal.messages.delivered(
    journal.messages.pending(0, { messages: 9, bytes: Infinity }).map(({ seq }) => seq),
  );
  await clock.advance(HOUR / 6);
  assertEquals([exists("undelivered"), exists("young")], [false, true]);
  stop.abort();
  await house;
});

Deno.test("output that goes before it was sent is counted, in one line", async () => {
  using test = new TestJournal();
  const { journal, clock, logger, folder } = test;
  for (const id of ["a", "b", "sent"]) {
    journal.accept(newCommand(id));
    journal.messages.delivered(journal.end(id, SUCCESS, [message(id)]).map(({ seq }) => seq));
  }
  await clock.advance(8 * DAY);
  const stop = new AbortController();
  const house = applyRetention({
    history: journal,
    workloadsFolder: folder,
    limits: LIMITS,
    unsentBytes: (id) => id === "sent" ? 0 : 1_000,
    clock,
    logger,
  }, stop.signal);
  await logger.logged("2000 bytes of their output dropped");
  stop.abort();
  await house;
  assertEquals(logger.shown.length, 2);
});

Deno.test("files that cannot be removed are tried again later", async () => {
  using test = new TestJournal();
  const { journal, clock, logger, folder } = test;
  const stop = new AbortController();
  let attempts = 0;
  const house = applyRetention({
    history: {
      answered() {
        if (++attempts === 1) throw new Error("database is locked");
        return journal.answered();
      },
      find: (id) => journal.find(id),
      filesRemoved: (ids) => journal.filesRemoved(ids),
      forget: (ids) => journal.forget(ids),
    },
    workloadsFolder: folder,
    limits: LIMITS,
    clock,
    logger,
  }, stop.signal);
  await logger.logged("Cannot remove old workloads: database is locked; trying again later");
  await clock.advance(HOUR / 6);
  assertEquals(attempts, 2);
  stop.abort();
  await house;
});

Deno.test("one folder that cannot be removed is told, and keeps no other from going", async () => {
  using test = new TestJournal();
  const { journal, clock, logger, folder } = test;
  const unremovable = "x".repeat(300);
  for (const id of ["a", unremovable, "b"]) {
    journal.accept(newCommand(id));
    journal.end(id, SUCCESS, []);
  }
  for (const id of ["a", "b"]) Deno.mkdirSync(`${folder}/${id}`);
  await clock.advance(8 * DAY);
  const stop = new AbortController();
  const house = applyRetention(
    { history: journal, workloadsFolder: folder, limits: LIMITS, clock, logger },
    stop.signal,
  );
  await logger.logged("Removed the files of 2 old workloads, forgot 2");
  assertEquals(["a", "b"].map((id) => existsAt(`${folder}/${id}`)), [false, false]);
  assertEquals(["a", unremovable, "b"].map((id) => journal.find(id)?.id), [
    undefined,
    unremovable,
    undefined,
  ]);
  assertEquals(logger.shown.filter((line) => line.startsWith("warn: Cannot remove")).length, 1);
  stop.abort();
  await house;
});

Deno.test("old folders that the journal does not know go, but not where something runs", async () => {
  using test = new TestJournal();
  const { journal, clock, logger, folder } = test;
  const before = new Date(clock.now() - 8 * DAY);
  const touch = (path: string) => Deno.utimeSync(`${folder}/${path}`, before, before);
  journal.accept(newCommand("known"));
  for (const name of ["old", "young", "growing", "busy", "known", ".waiting-1"]) {
    Deno.mkdirSync(`${folder}/${name}`);
    Deno.writeTextFileSync(`${folder}/${name}/stdout.log`, "output");
    if (name !== "growing") touch(`${name}/stdout.log`);
    if (name !== "young") touch(name);
  }
  const running = new Deno.Command("tail", {
    args: ["-f", "/dev/null"],
    cwd: `${folder}/busy`,
  }).spawn();
  const stop = new AbortController();
  const house = applyRetention(
    { history: journal, workloadsFolder: folder, limits: LIMITS, clock, logger },
    stop.signal,
  );
  await logger.logged("Removed old workload folders that the journal does not know: 1");
  const left = [...Deno.readDirSync(folder)].filter(({ isDirectory }) => isDirectory);
  assertEquals(left.map(({ name }) => name).sort(), [
    ".waiting-1",
    "busy",
    "growing",
    "known",
    "young",
  ]);

  running.kill("SIGKILL");
  await running.status;
  await clock.advance(HOUR / 6);
  await logger.logged("Removed old workload folders that the journal does not know: 1");
  assertEquals(existsAt(`${folder}/busy`), false);
  stop.abort();
  await house;
});

function existsAt(path: string): boolean {
  try {
    return Deno.lstatSync(path).isDirectory;
  } catch {
    return false;
  }
}

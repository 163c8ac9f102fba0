import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { History } from "../../src/journal/history.ts";
import { JOURNAL_FILE } from "../../src/journal/database_file.ts";
import { Journal } from "../../src/journal/journal.ts";
import type { NewCommand } from "../../src/journal/record.ts";
import { FakeClock } from "../support/clock.ts";
import { RecordingLogger } from "../support/events.ts";

function command(id: string, requestId?: string): NewCommand {
  return {
    id,
    kind: "inference",
    requestId,
    workloadUuid: undefined,
    params: "{}",
    slug: "s",
    instanceUuid: "u",
    replyTopic: "t",
  };
}

Deno.test("a folder without a journal has no history, and none is made", async () => {
  const folder = await Deno.makeTempDir();
  assertEquals(History.open(folder), undefined);
  assertEquals([...Deno.readDirSync(folder)], []);
  await Deno.remove(folder);
});

Deno.test("the history shows what a node does meanwhile, the latest of what ended", async () => {
  const folder = await Deno.makeTempDir();
  const clock = new FakeClock();
  {
    using journal = Journal.open(folder, { clock, logger: new RecordingLogger() });
    using history = History.open(folder)!;
    assertEquals(history.list(10), []);
    for (const id of ["first", "second", "third"]) journal.accept(command(id, "same"));
    for (const id of ["second", "first"]) {
      await clock.advance(1_000);
      journal.end(id, { cause: "exited", exitCode: 0, bytes: 0 }, []);
    }
    const ids = (ended: number) => history.list(ended).map(({ id }) => id);
    assertEquals(ids(0), ["third"]);
    assertEquals(ids(1), ["first", "third"]);
    assertEquals(ids(-1), ["first", "second", "third"]);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a command is found by its id, else the newest by its request id", async () => {
  const folder = await Deno.makeTempDir();
  {
    using journal = Journal.open(folder, { clock: new FakeClock(), logger: new RecordingLogger() });
    using history = History.open(folder)!;
    journal.accept(command("a", "r\0é"));
    journal.accept(command("b", "r\0é"));
    journal.accept(command("c", "a"));
    assertEquals(history.find("r\0é")?.id, "b");
    assertEquals(history.find("a")?.id, "a");
    assertEquals(history.find("r"), undefined);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a command is found by the short id that the log shows, unless that is somebody's request id", async () => {
  const folder = await Deno.makeTempDir();
  {
    const parts = { clock: new FakeClock(), logger: new RecordingLogger() };
    using journal = Journal.open(folder, parts);
    using history = History.open(folder)!;
    journal.accept(command("01kb6z3q4r9bd6js", "r1"));
    journal.accept(command("01kb6z3q4rz18kme", "r2"));
    const found = (name: string) => history.find(name)?.requestId;
    assertEquals([found("9bd6js"), found("z18kme")], ["r1", "r2"]);
    assertEquals(
      [found("bd6js"), found("r9bd6js"), found("%"), found("")],
      Array(4).fill(undefined),
    );
    journal.accept(command("01kb6z3q4rothers", "9bd6js"));
    assertEquals(history.find("9bd6js")?.id, "01kb6z3q4rothers");
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a journal that only older versions have opened is read, without what came since", async () => {
  const folder = await Deno.makeTempDir();
  {
    const parts = { clock: new FakeClock(), logger: new RecordingLogger() };
    using journal = Journal.open(folder, parts);
    journal.accept(command("a", "r1"));
  }
  {
    using database = new DatabaseSync(`${folder}/${JOURNAL_FILE}`);
    for (const column of ["resources", "oom_kill", "handle"]) {
      database.exec(`ALTER TABLE commands DROP COLUMN ${column}`);
    }
  }
  {
    using history = History.open(folder)!;
    assertEquals(history.list(-1).map(({ id, requestId }) => [id, requestId]), [["a", "r1"]]);
  }
  await Deno.remove(folder, { recursive: true });
});
